"""Conversations that became too long: what is left out, what never is, and that a resumed turn does the same."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.condensing import PLAIN, STEP, Condenser
from agents.database import Database
from agents.exchanges import BEGINNING, HEAD, cut, exchanges, failing_tests, tokens_of, with_short_outputs
from agents.journal import TurnJournal
from agents.turns import Turn
from tests.tools.scripted import Answer, ScriptedModel, fails, says, serving
from tools.errors import ContextOverflow
from tools.model import Message, ModelClient, ModelRequest, ToolCall

FAILED = (
    "Verdict: exit 1\nFAILED tests/test_shelf.py::test_export[toml] - KeyError: 'a'\n1 failed, 3 passed\nsee T-1203\n"
)


def exchange(number: int, output: str, calls: int = 1) -> list[Message]:
    made = tuple(
        ToolCall(id=f"c{number}-{place}", name="bash", arguments=json.dumps({"command": f"look {number}"}))
        for place in range(calls)
    )
    said = Message(role="assistant", content=f"Step {number}.", tool_calls=made)
    return [said, *(Message(role="tool", content=output, tool_call_id=call.id) for call in made)]


def conversation(steps: int, output: str = "Verdict: exit 0\n" + "a line of output\n" * 40) -> list[Message]:
    messages = [Message(role="system", content="You code."), Message(role="user", content="Do T-1201 of F-12.")]
    for number in range(steps):
        messages += exchange(number, FAILED + output if number == 2 else output)
    return messages


def unpaired(messages: list[Message]) -> set[str | None]:
    """Calls without an answer, and answers without a call right before them."""
    torn: set[str | None] = set()
    waiting: set[str | None] = set()
    for message in messages:
        if message.role == "tool":
            torn |= {message.tool_call_id} - waiting
            waiting -= {message.tool_call_id}
        else:
            torn |= waiting
            waiting = {call.id for call in message.tool_calls}
    return torn | waiting


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9000)), max_size=12), st.integers(50, 20_000))
def test_head_and_pairs_are_never_torn(shape: list[tuple[int, int]], target: int) -> None:
    messages = conversation(0)
    for number, (calls, size) in enumerate(shape):
        messages += exchange(number, "x" * size, calls)
    short = with_short_outputs(messages)
    assert unpaired(short) == set()
    assert tokens_of(short) <= tokens_of(messages)
    parts = cut(short, target)
    whole = [*parts.before, *(one for part in parts.middle for one in part), *parts.after]
    assert whole == short
    assert whole[:HEAD] == messages[:HEAD]
    assert unpaired([*parts.before, Message(role="user", content=BEGINNING), *parts.after]) == set()
    assert not shape or parts.after or not parts.middle


@pytest.mark.parametrize(
    ("output", "names"),
    [
        ("FAILED tests/test_a.py::test_b - assert 1\n=== 1 failed", ["tests/test_a.py::test_b"]),
        ("FAIL: test_b (tests.test_a.TestA)\nFAILED (failures=1)", ["test_b (tests.test_a.TestA)"]),
        ("--- FAIL: TestB (0.00s)", ["TestB"]),
        ("test shelf::b ... FAILED", ["shelf::b"]),
        ("not ok 2 - exports toml", ["exports toml"]),
        ("Verdict: tests: 3 passed, 2 failed; failing: a.b, a.c", ["a.b", "a.c"]),
        ("4 passed", []),
    ],
)
def test_failing_tests_are_those_of_the_latest_run(output: str, names: list[str]) -> None:
    messages = [*exchange(0, FAILED), *exchange(1, "Verdict: exit 0\nno tests here"), *exchange(2, output)]
    assert failing_tests(messages) == names
    assert failing_tests(messages[:4]) == ["tests/test_shelf.py::test_export[toml]"]


class Talk:
    """A condenser with its journal, over a scripted endpoint."""

    def __init__(self, database: Database, turn: Turn, client: ModelClient) -> None:
        self.journal = TurnJournal(database, turn, client.complete)
        self.client = client
        self.condenser = Condenser(self.journal, client, "m", "T-1201", lambda: ("src/shelf.py", "tests/test_shelf.py"))


def talking(model: ScriptedModel, **traits: Any) -> ModelClient:
    return ModelClient(model.settings(default_model="m", traits=traits))


def names(database: Database, turn: Turn) -> list[str]:
    rows = database.rows("SELECT name FROM journal WHERE turn = %s ORDER BY step", turn.id)
    return [str(row["name"]) for row in rows]


def test_a_known_window_condenses_before_it_is_full_and_keeps_the_facts(
    database: Database, new_turn: Callable[..., Turn]
) -> None:
    turn, messages = new_turn(), conversation(20)
    word = Message(role="user", content="somebody says: use tomllib")
    messages.insert(12, word)
    with serving([says("I looked around and changed src/shelf.py.")]) as model:
        with talking(model, context_tokens=4000) as client:
            talk = Talk(database, turn, client)
            short = talk.condenser.fitting(messages)
        with talking(model) as client:
            again = Talk(database, turn, client).condenser.fitting(messages)
    assert len(model.requests) == 1, "what is journaled is not asked again"
    assert again == short, "a resumed turn condenses the same way, even where it knows of no window"
    assert tokens_of(short) < 2000
    assert short[:4] == with_short_outputs(messages)[:4]
    assert short[-2:] == messages[-2:]
    assert word in short
    (summary,) = (message.content or "" for message in short if (message.content or "").startswith(BEGINNING))
    for fact in ("T-1201", "T-1203", "F-12", "tests/test_shelf.py::test_export[toml]", "src/shelf.py"):
        assert fact in summary
    assert "files changed so far: `tests/test_shelf.py`" in summary, "what the model told is not told again"
    assert unpaired(short) == set()
    assert names(database, turn) == [STEP, "m"]


@pytest.mark.parametrize("answer", [fails(400, "no"), fails(400, "prompt is too long"), says("  "), says(None)])
def test_without_a_summary_from_the_model_the_calls_are_listed(
    database: Database, new_turn: Callable[..., Turn], answer: Answer
) -> None:
    turn, messages = new_turn(), conversation(20)
    with serving([answer]) as model, talking(model, context_tokens=4000) as client:
        short = Talk(database, turn, client).condenser.fitting(messages)
        again = Talk(database, turn, client).condenser.fitting(messages)
    assert again == short
    assert len(model.requests) == 1
    assert '- bash {"command": "look 5"} -> Verdict: exit 0' in (short[4].content or "")
    assert names(database, turn)[-1] == PLAIN


def test_long_outputs_are_shortened_first_and_nobody_is_asked(
    database: Database, new_turn: Callable[..., Turn]
) -> None:
    messages = [*conversation(1, "Verdict: exit 0\n" + "much\n" * 8000), *conversation(5)[2:]]
    with serving([says("never asked")]) as model, talking(model, context_tokens=9000) as client:
        short = Talk(database, new_turn(), client).condenser.fitting(messages)
    assert not model.requests
    assert len(short) == len(messages)
    assert "characters are left out" in (short[3].content or "")
    assert short[4:] == messages[4:]


def test_a_second_condensing_takes_the_first_summary_in(database: Database, new_turn: Callable[..., Turn]) -> None:
    with serving([says("The one."), says("The two.")]) as model, talking(model, context_tokens=4000) as client:
        talk = Talk(database, new_turn(), client)
        once = talk.condenser.fitting(conversation(20))
        twice = talk.condenser.fitting([*once, *(one for n in range(30, 45) for one in exchange(n, "line\n" * 150))])
    assert "The one." in model.requests[1].body["messages"][0]["content"]
    assert sum((message.content or "").startswith(BEGINNING) for message in twice) == 1
    assert "T-1203" in " ".join(message.content or "" for message in twice), "facts outlive two summaries"


def test_a_refused_prompt_leaves_no_step_and_can_be_asked_shorter(
    database: Database, new_turn: Callable[..., Turn]
) -> None:
    turn, messages = new_turn(), conversation(20)
    refusal = fails(400, "This model's maximum context length is 4000 tokens. However, you sent more.")
    with serving([refusal, says("Summary."), says("Go on.")]) as model, talking(model) as client:
        talk = Talk(database, turn, client)
        assert talk.condenser.fitting(messages) is messages
        request = ModelRequest(turn="", model="m", messages=tuple(messages))
        with pytest.raises(ContextOverflow):
            talk.journal.model(request)
        short = talk.condenser.condensed(messages)
        reply = talk.journal.model(request.model_copy(update={"messages": tuple(short)}))
    assert reply.content == "Go on."
    assert names(database, turn) == [STEP, "m", "m"]
    steps = [seen.headers["x-roadcrew-turn"].rpartition("/")[2] for seen in model.requests]
    assert steps == ["1", "2", "3"]


def test_nothing_is_condensed_where_there_is_room(database: Database, new_turn: Callable[..., Turn]) -> None:
    messages = conversation(3)
    with serving([says("x")]) as model, talking(model, context_tokens=100_000) as client:
        assert Talk(database, new_turn(), client).condenser.fitting(messages) is messages
    assert len(exchanges(messages)) == 3
