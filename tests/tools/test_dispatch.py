"""The door: arguments checked, policy asked, calls carried out and recorded."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from devctl import Launcher
from policies import PolicyEngine, PolicySettings, open_engine
from tools.dispatch import AuditEvent, Door, Tool
from tools.errors import ToolError, WorkTreeLost
from tools.git import Mirror
from tools.observation import Observation
from tools.worktools import worktree_tools
from tools.worktree import open_worktree


class EchoArguments(BaseModel):
    """Say something back."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(description="what to say", max_length=50_000)
    times: int = 1


def echo(arguments: EchoArguments) -> Observation:
    """Repeat, refuse or break down as asked."""
    if arguments.text == "refuse":
        raise ToolError("I will not")
    if arguments.text == "break":
        raise WorkTreeLost("gone")
    return Observation(verdict="said", text=arguments.text * arguments.times)


@pytest.fixture(scope="session")
def engine() -> PolicyEngine:
    """The rules as they are shipped."""
    return open_engine(PolicySettings())


@pytest.fixture
def events() -> list[AuditEvent]:
    """What the door records."""
    return []


@pytest.fixture
def door(engine: PolicyEngine, events: list[AuditEvent]) -> Door:
    """A door with one tool that goes by the name of one that a Coder may use."""
    return Door(engine, [Tool("view", EchoArguments, echo)], events.append, repository="owner/repo")


def test_a_call_is_carried_out_and_recorded(door: Door, events: list[AuditEvent]) -> None:
    assert door.call("coder", "view", '{"text": "hello", "times": 2}').text == "hellohello"
    (event,) = events
    assert (event.who, event.tool, event.decision, event.outcome) == ("coder", "view", "allowed", "said")


def test_an_unknown_tool_is_answered_with_those_there_are(door: Door, events: list[AuditEvent]) -> None:
    with pytest.raises(ToolError, match="no tool 'rm'") as caught:
        door.call("coder", "rm", "{}")
    assert caught.value.hint == "the tools are view"
    assert events[0].decision == "not asked"


@pytest.mark.parametrize(
    "arguments", ["{", "[]", "null", "{}", '{"text": 1}', '{"text": "a", "more": 1}', '{"text": "\\ud800"}']
)
def test_wrong_arguments_are_told_with_what_is_taken(door: Door, arguments: str) -> None:
    with pytest.raises(ToolError, match="arguments of view are wrong") as caught:
        door.call("coder", "view", arguments)
    assert "text, times (optional)" in caught.value.hint


@given(st.text())
def test_any_arguments_are_carried_out_or_refused(arguments: str) -> None:
    door = Door(open_engine(PolicySettings()), [Tool("view", EchoArguments, echo)], print, repository="owner/repo")
    with pytest.raises(ToolError):
        door.call("coder", "view", arguments)


def test_what_policy_denies_is_not_carried_out(door: Door, events: list[AuditEvent]) -> None:
    with pytest.raises(ToolError, match="^denied: "):
        door.call("nobody", "view", {"text": "hello"})
    assert events[0].decision == "denied"
    assert events[0].reasons


def test_refusals_and_breakdowns_are_recorded_and_told_apart(door: Door, events: list[AuditEvent]) -> None:
    with pytest.raises(ToolError):
        door.call("coder", "view", {"text": "refuse"})
    with pytest.raises(WorkTreeLost):
        door.call("coder", "view", {"text": "break"})
    assert [event.outcome for event in events] == ["refused: I will not", "stopped the run"]


def test_long_outputs_are_cut_in_the_middle(door: Door) -> None:
    text = door.call("coder", "view", {"text": "line\n" * 9000}).text
    assert len(text) < 12_500
    assert "are left out" in text


def test_schemas_say_what_a_model_needs_and_no_more(door: Door) -> None:
    (schema,) = door.schemas()
    assert schema.description == "Say something back."
    assert schema.parameters["required"] == ["text"]
    assert "title" not in json.dumps(schema.parameters)


def test_the_work_trees_tools_work_through_the_door(
    launcher: Launcher, mirror: Mirror, first: str, engine: PolicyEngine, events: list[AuditEvent]
) -> None:
    with open_worktree(launcher, mirror, first) as worktree:
        door = Door(engine, worktree_tools(worktree), events.append, repository="owner/repo")
        door.call("coder", "create", {"path": "a.py", "content": "x = 1\n"})
        door.call("coder", "edit", {"path": "a.py", "old": "1", "new": "2"})
        assert door.call("coder", "view", {"path": "a.py"}).text == "     1\tx = 2"
        done = door.call("coder", "bash", {"command": "cat a.py; exit 4"})
        assert (done.verdict, done.text) == ("exit 4", "x = 2\n")
        assert door.call("coder", "bash", {"command": "sleep 60", "seconds": 0.2}).verdict == "timed out"
        with pytest.raises(ToolError):
            door.call("coder", "create", {"path": "../out", "content": ""})
        assert {schema.name for schema in door.schemas()} == {"bash", "view", "edit", "create"}
