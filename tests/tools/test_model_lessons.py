"""What refusals teach, in the words of real servers, and what is made of them."""

import json
import logging
import sys
import threading
from typing import Any

import pytest

from tests.tools.endpoints.hosting import hosting
from tests.tools.endpoints.picky import Picky
from tests.tools.endpoints.refusals import LESSONS, NOT_OVERFLOWS, OTHER_TROUBLES, OVERFLOWS, Said
from tests.tools.scripted import fails, raw, says, serving
from tools.errors import ContextOverflow, ModelRefused
from tools.model import Message, ModelClient, ModelRequest, ToolCall, ToolSchema
from tools.model_lessons import Refusal, lesson_of
from tools.model_overflow import is_overflow, window_in
from tools.model_traits import EndpointTraits, Lesson, TraitBook

BASH = ToolSchema(
    name="bash",
    description="Runs a command.",
    parameters={"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
)
CALLS = (
    ToolCall(id="a", name="bash", arguments='{"command": "ls"}'),
    ToolCall(id="b", name="bash", arguments='{"command": "pwd"}'),
)
HISTORY = (
    Message(role="system", content="You code."),
    Message(role="user", content="Begin."),
    Message(role="assistant", content=None, tool_calls=CALLS, reasoning="I look first."),
    Message(role="tool", content="Verdict: exit 0\na.py", tool_call_id="a"),
    Message(role="tool", content="Verdict: exit 0\n/work", tool_call_id="b"),
    Message(role="user", content="Somebody says: hurry."),
)
REQUEST = ModelRequest(turn="F-1/T-101/coder/1/3", model="m", messages=HISTORY, tools=(BASH,))
PLAN = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}

CASES = [(said, update) for kinds, update in LESSONS for said in kinds]


@pytest.mark.parametrize(("said", "update"), CASES, ids=[said.words[:50] for said, _ in CASES])
def test_a_servers_words_teach_what_they_say(said: Said, update: dict[str, Any]) -> None:
    opposite: dict[str, Any] = {"cache_marks": True}
    if update == {"output_limit": "max_completion_tokens"}:
        opposite["output_limit"] = "max_tokens"
    request = REQUEST.model_copy(update={"response_schema": PLAN}) if "response_format" in update else REQUEST
    traits = EndpointTraits.model_validate(opposite)
    lesson = lesson_of(Refusal(said.status, said.words), traits, request)
    assert lesson is not None
    assert lesson.sure
    assert {name: lesson.update.get(name) for name in update} == update
    learned = EndpointTraits.model_validate({**traits.model_dump(), **lesson.update})
    again = lesson_of(Refusal(said.status, said.words), learned, request)
    assert again is None or again.update != lesson.update, "what was learned once is not learned again"


@pytest.mark.parametrize("said", OTHER_TROUBLES, ids=[said.words[:50] for said in OTHER_TROUBLES])
def test_other_troubles_teach_nothing_for_sure(said: Said) -> None:
    request = REQUEST.model_copy(update={"response_schema": PLAN})
    lesson = lesson_of(Refusal(said.status, said.words), EndpointTraits(), request)
    assert lesson is None or not lesson.sure
    assert lesson_of(Refusal(said.status, said.words), EndpointTraits(), REQUEST) is None


@pytest.mark.parametrize(("said", "window"), OVERFLOWS, ids=[said.words[:50] for said, _ in OVERFLOWS])
def test_too_long_a_prompt_is_told_from_the_words(said: Said, window: int | None) -> None:
    assert is_overflow(said.status, said.words)
    assert window_in(said.words) == window


@pytest.mark.parametrize("said", NOT_OVERFLOWS, ids=[said.words[:50] for said in NOT_OVERFLOWS])
def test_other_refusals_are_no_overflow(said: Said) -> None:
    assert not is_overflow(said.status, said.words)


def test_an_overflow_has_its_own_error_and_the_window_is_kept() -> None:
    said, window = OVERFLOWS[0]
    with serving([fails(said.status, said.words)]) as model, ModelClient(model.settings()) as client:
        with pytest.raises(ContextOverflow, match="8192") as caught:
            client.complete(REQUEST)
        assert caught.value.window == window
        assert client.traits("m").context_tokens == window
    assert len(model.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_an_endpoint_that_refuses_nearly_everything_is_learned_in_one_call(
    stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with hosting(Picky()) as endpoint:
        settings = endpoint.settings(stream=stream, temperature=0.2, max_output_tokens=500)
        with ModelClient(settings) as client:
            reply = client.complete(REQUEST)
            assert reply.tool_calls[0].name == "bash"
            assert json.loads(reply.tool_calls[0].arguments) == {"command": "ls -a"}
            asked = len(endpoint.requests)
            client.complete(REQUEST)
            assert len(endpoint.requests) == asked + 1, "what was learned holds for the process"
            traits = client.traits("m")
    assert (traits.tools, traits.system, traits.alternating) == ("text", "user", True)
    assert (traits.temperature, traits.output_limit) == (False, "max_tokens")
    assert traits.stream_usage is not stream
    for name in ("tools is text", "temperature is False", "system is user"):
        assert sum(name in record.getMessage() for record in caplog.records) == 1


def test_traits_of_the_settings_spare_the_lessons() -> None:
    with hosting(Picky()) as endpoint:
        known = {"tools": "text", "system": "user", "alternating": True}
        with ModelClient(endpoint.settings(traits={"tools": "native"}, traits_of={"m": known})) as client:
            client.complete(REQUEST)
    assert len(endpoint.requests) == 1


def test_schemas_step_down_to_json_and_then_to_the_prompt() -> None:
    answers = [
        fails(400, "This response_format type is unavailable now"),
        fails(400, "json_object is not supported by this model"),
        says('{"a": "x"}'),
    ]
    request = REQUEST.model_copy(update={"response_schema": PLAN, "tools": (), "messages": HISTORY[:2]})
    with serving(answers) as model, ModelClient(model.settings()) as client:
        client.complete(request)
        assert client.traits("m").response_format == "none"
    kinds = [seen.body.get("response_format", {}).get("type") for seen in model.requests]
    assert kinds == ["json_schema", "json_object", None]
    assert "JSON Schema" in model.requests[1].body["messages"][-1]["content"]


def test_an_endpoint_that_passes_over_the_schema_is_shown_it_next_time() -> None:
    request = REQUEST.model_copy(update={"response_schema": PLAN, "tools": (), "messages": HISTORY[:2]})
    with serving([says("Sure! Here is the plan: ...")]) as model, ModelClient(model.settings()) as client:
        client.complete(request)
        client.complete(request)
    assert "response_format" in model.requests[0].body
    assert "JSON Schema" in model.requests[1].body["messages"][-1]["content"]


def test_a_guess_that_does_not_help_is_forgotten_and_the_first_refusal_told() -> None:
    request = REQUEST.model_copy(update={"response_schema": PLAN, "tools": ()})
    answers = [fails(400, "the moon is wrong"), fails(400, "something else is wrong")]
    with serving(answers) as model, ModelClient(model.settings()) as client:
        with pytest.raises(ModelRefused, match="the moon is wrong"):
            client.complete(request)
        assert client.traits("m").response_format == "json_schema"


def test_calls_in_one_message_are_said_one_by_one_where_the_template_wants_it() -> None:
    refusal = fails(400, "This model only supports single tool-calls at once!")
    with serving([refusal, says("ok")]) as model, ModelClient(model.settings()) as client:
        client.complete(REQUEST)
    said = [
        (message["role"], len(message.get("tool_calls", ())), message.get("tool_call_id"))
        for message in model.requests[-1].body["messages"]
    ]
    assert said == [
        ("system", 0, None),
        ("user", 0, None),
        ("assistant", 1, None),
        ("tool", 0, "a"),
        ("assistant", 1, None),
        ("tool", 0, "b"),
        ("user", 0, None),
    ]


def test_reasoning_goes_back_only_to_those_who_insist() -> None:
    wants = fails(400, "The reasoning_content in the thinking mode must be passed back to the API.")
    with serving([wants, says("ok")]) as model, ModelClient(model.settings()) as client:
        client.complete(REQUEST)
    first, second = (seen.body["messages"][2] for seen in model.requests)
    assert not {"reasoning", "reasoning_content"} & set(first)
    assert second["reasoning_content"] == "I look first."


def test_stable_parts_are_marked_for_models_that_want_it() -> None:
    request = REQUEST.model_copy(update={"model": "anthropic/claude-sonnet-5"})
    with serving([says("ok")]) as model, ModelClient(model.settings()) as client:
        client.complete(request)
    contents = [message["content"] for message in model.requests[0].body["messages"]]
    marked = [index for index, content in enumerate(contents) if isinstance(content, list)]
    assert marked == [0, 4, 5]
    assert contents[0][0]["cache_control"] == {"type": "ephemeral"}


def test_a_prompt_that_was_cut_short_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    long = REQUEST.model_copy(update={"messages": (Message(role="user", content="word " * 8000),)})
    usage = {"prompt_tokens": 2050, "completion_tokens": 5}  # ollama/ollama#17889
    with serving([says("ok", usage=usage)]) as model, ModelClient(model.settings()) as client:
        client.complete(long)
        client.complete(long)
    assert sum("seems to cut the prompt short" in record.getMessage() for record in caplog.records) == 1


def test_a_model_that_must_be_pulled_first_is_said_so() -> None:
    body = {"error": {"message": 'model "qwen3:8b" not found, try pulling it first', "type": "api_error"}}
    refused = pytest.raises(ModelRefused, match="ollama pull m")
    with serving([raw(json.dumps(body), 404)]) as model, ModelClient(model.settings()) as client, refused:
        client.complete(REQUEST)


def test_what_threads_learn_at_once_is_all_kept() -> None:
    lessons: list[dict[str, Any]] = [
        {"temperature": False},
        {"tools": "text"},
        {"stream_usage": False},
        {"alternating": True},
    ]
    taken = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(50):
            book = TraitBook({}, {})
            begin = threading.Barrier(len(lessons))

            def learn(update: dict[str, Any], book: TraitBook = book, begin: threading.Barrier = begin) -> None:
                begin.wait()
                book.learn("m", Lesson(update, "it says so"))

            threads = [threading.Thread(target=learn, args=(update,)) for update in lessons]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            known = book.of("m").model_dump()
            assert {name: known[name] for update in lessons for name in update} == {
                name: value for update in lessons for name, value in update.items()
            }
    finally:
        sys.setswitchinterval(taken)
