"""Structured replies: strict schema, extraction, validation and repair."""

import json
from collections.abc import Callable, Sequence
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tests.tools.scripted import ScriptedModel, fails, says
from tools.errors import ModelRefused, StructuredReplyInvalid
from tools.model import Message, ModelClient, ModelReply, ModelRequest
from tools.strict_schema import strict_schema
from tools.structured import complete_structured, extract_json

Script = Callable[..., ScriptedModel]


class Step(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1)
    kind: Literal["code", "docs"] = "code"


class Plan(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: list[Step]
    note: str | None = None


REQUEST = ModelRequest(turn="F-1/-/planner/1/1", model="gpt-5", messages=(Message(role="user", content="Plan."),))
GOOD = '{"steps": [{"title": "write it", "kind": "code"}], "note": null}'


def plan(model: ScriptedModel, validate: Callable[[Plan], Sequence[str]] = lambda plan: ()) -> Plan:
    with ModelClient(model.settings()) as client:
        return complete_structured(client.complete, REQUEST, Plan, validate)


@pytest.mark.parametrize(
    "content", [GOOD, f"```json\n{GOOD}\n```", f"Here it is:\n```\n{GOOD}\n```\nDone.", f"I say {GOOD} so."]
)
def test_json_is_found_in_the_text_around_it(scripted_model: Script, content: str) -> None:
    assert plan(scripted_model(says(content))).steps[0].title == "write it"


def test_the_request_holds_the_reply_to_a_strict_schema(scripted_model: Script) -> None:
    model = scripted_model(says(GOOD))
    plan(model)
    schema = model.requests[0].body["response_format"]["json_schema"]
    assert (schema["name"], schema["strict"]) == ("Plan", True)
    assert schema["schema"]["required"] == ["steps", "note"]


def test_problems_are_named_for_the_repair(scripted_model: Script) -> None:
    bad = '{"steps": [{"title": "", "kind": "deploy"}]}'
    model = scripted_model(says("no plan"), says(bad), says(GOOD))
    assert plan(model).steps[0].kind == "code"
    first, second = (request.body["messages"] for request in model.requests[1:])
    assert {"role": "assistant", "content": "no plan"} in first
    assert "the reply is not JSON" in first[-2]["content"]
    assert "JSON Schema" in first[-1]["content"], "an endpoint that passes over the schema is shown it"
    for words in ("steps.0.title", "steps.0.kind", "'code' or 'docs'"):
        assert words in second[-2]["content"]


def test_the_callers_own_problems_are_repaired_too(scripted_model: Script) -> None:
    model = scripted_model(says('{"steps": []}'), says(GOOD))
    assert plan(model, lambda plan: [] if plan.steps else ["the plan has no steps"]).steps
    assert "- the plan has no steps" in model.requests[1].body["messages"][-1]["content"]


def test_after_the_last_repair_the_last_problems_are_raised(scripted_model: Script) -> None:
    model = scripted_model(says("no"), says("no"), says('{"steps": 3}'))
    with pytest.raises(StructuredReplyInvalid) as caught:
        plan(model)
    assert len(model.requests) == 3
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith("steps: ")
    assert "3 tries" in str(caught.value)


def test_a_truncated_reply_is_asked_for_again_shorter(scripted_model: Script) -> None:
    model = scripted_model(says(GOOD, finish="length"), says(GOOD))
    plan(model)
    assert "answer shorter" in model.requests[1].body["messages"][-1]["content"]


def test_a_refusal_for_another_reason_stays_a_refusal(scripted_model: Script) -> None:
    with pytest.raises(ModelRefused, match="401"):
        plan(scripted_model(fails(401)))


def test_every_call_goes_through_the_callers_ask(scripted_model: Script) -> None:
    asked: list[ModelRequest] = []
    model = scripted_model(fails(400), says("no"), says(GOOD))
    with ModelClient(model.settings()) as client:

        def ask(request: ModelRequest) -> ModelReply:
            asked.append(request)
            return client.complete(request)

        complete_structured(ask, REQUEST, Plan)
    assert len(asked) == 2, "the refused response_format is no call of its own"
    assert len(model.requests) == 3


json_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_trees), st.text(alphabet=st.characters(exclude_characters="`{[")))
def test_fenced_json_is_read_whatever_stands_before_it(value: dict[str, JsonValue], before: str) -> None:
    assert extract_json(f"{before}\n```json\n{json.dumps(value)}\n```") == value


@given(st.text())
def test_any_text_is_json_or_a_value_error(text: str) -> None:
    try:
        assert isinstance(extract_json(text), dict | list)
    except ValueError as error:
        assert "not JSON" in str(error)


def test_deep_nesting_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        extract_json("[" * 100_000)


class Leaf(BaseModel):
    kind: Literal["leaf"]


class Branch(BaseModel):
    kind: Literal["branch"]
    children: list["Leaf | Branch"] = []


class Tree(BaseModel):
    root: Leaf | Branch = Field(discriminator="kind", description="where it begins")
    size: int = Field(default=1, ge=1)


def test_each_object_of_a_strict_schema_is_closed_and_needs_all_its_fields() -> None:
    schema = strict_schema(Tree)
    objects = [schema, *_objects(schema["$defs"])]
    assert len(objects) == 3
    for one in objects:
        assert one["additionalProperties"] is False
        properties = one["properties"]
        assert isinstance(properties, dict)
        assert one["required"] == list(properties)
    text = json.dumps(schema)
    assert "oneOf" not in text
    assert "minimum" not in text
    assert "default" not in text


def _objects(definitions: JsonValue) -> list[dict[str, JsonValue]]:
    assert isinstance(definitions, dict)
    return [value for value in definitions.values() if isinstance(value, dict)]
