"""The journal: a turn that is run again repeats nothing that it wrote down."""

import uuid
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from agents.database import Database
from agents.errors import Fenced, JournalBroken
from agents.journal import CommandResult, SnapshotRef, TurnJournal, journaled_calls
from agents.spending import spending_of
from agents.turns import Turn, Turns
from tools.artifacts import ArtifactRef
from tools.model import Message, ModelReply, ModelRequest, Usage


class Crash(Exception):
    """The process dies here."""


class World:
    """A model and commands that count what is asked of them, and die when their time has come."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.dies_at = dies_at
        self.models: list[str] = []
        self.commands: list[str] = []

    def complete(self, request: ModelRequest) -> ModelReply:
        self._act()
        self.models.append(request.turn)
        usage = Usage(prompt_tokens=10, completion_tokens=1, cost_usd=0.5)
        text = f"reply {len(request.messages)}\x00\ud800"
        return ModelReply(content=text, tool_calls=(), finish_reason="stop", usage=usage, model="m")

    def command(self, name: str) -> CommandResult:
        self._act()
        self.commands.append(name)
        tree = SnapshotRef(tree=name, commit=name, bundle=ArtifactRef(url="file:///x", sha256="0" * 64, size=1))
        return CommandResult(reply={"out": f"{name}\x00\ud800"}, snapshot=tree)

    def _act(self) -> None:
        if self.dies_at is not None and len(self.models) + len(self.commands) >= self.dies_at:
            raise Crash


def play(journal: TurnJournal, world: World, steps: int) -> list[JsonValue]:
    """A role that asks the model and runs a command, over and over, with what it heard in its next question."""
    heard: list[JsonValue] = []
    messages = [Message(role="user", content="begin")]
    for step in range(steps):
        reply = journal.model(ModelRequest(turn="", model="m", messages=tuple(messages)))
        result = journal.command(f"c{step}", {"said": reply.content}, partial(world.command, f"c{step}"))
        messages += [Message(role="assistant", content=reply.content), Message(role="user", content=str(result))]
        heard += [reply.content, result]
    return heard


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dies_at=st.integers(0, 7))
def test_a_turn_cut_short_anywhere_goes_on_without_repeating(
    database: Database, new_turn: Callable[..., Turn], turns: Turns, dies_at: int
) -> None:
    turn = new_turn(uuid.uuid4().hex)
    first = World(dies_at)
    with pytest.raises(Crash):
        play(TurnJournal(database, turn, first.complete), first, 4)
    again = turns.take(turn.id, "other")
    assert again is not None
    second = World()
    journal = TurnJournal(database, again, second.complete)
    heard = play(journal, second, 4)
    assert [name.rsplit("/", 1)[1] for name in first.models + second.models] == ["1", "3", "5", "7"]
    assert first.commands + second.commands == ["c0", "c1", "c2", "c3"]
    assert heard[1] == {"out": "c0\ufffd\ufffd"}
    assert heard == play(TurnJournal(database, again, World(0).complete), World(0), 4)
    assert journal.last_snapshot is not None
    assert journal.last_snapshot.tree == "c3"
    assert (journal.spent.model_calls, journal.spent.tokens, journal.spent.cost_usd) == (4, 44, 2.0)


def test_a_command_whose_result_is_missing_runs_again_on_the_last_snapshot(
    database: Database, new_turn: Callable[..., Turn]
) -> None:
    turn, world = new_turn(), World()
    journal = TurnJournal(database, turn, world.complete)
    journal.command("a", None, lambda: world.command("a"))
    with pytest.raises(Crash):
        journal.command("b", None, lambda: World(0).command("b"))
    resumed = TurnJournal(database, turn, world.complete)
    opened: list[str] = []
    resumed.command("a", None, lambda: world.command("never"), before=lambda: opened.append("too early"))
    assert resumed.last_snapshot is not None
    assert resumed.last_snapshot.tree == "a"
    resumed.command("b", None, lambda: world.command("b"), before=lambda: opened.append("b"))
    assert (opened, world.commands) == (["b"], ["a", "b"])


def test_a_run_that_ended_is_skipped_whole_and_counted(database: Database, new_turn: Callable[..., Turn]) -> None:
    turn, world = new_turn(), World()
    first = TurnJournal(database, turn, world.complete)
    play(first, world, 2)
    first.command("end", None, lambda: world.command("end"))
    resumed = TurnJournal(database, turn, World(0).complete)
    assert not resumed.skip_to("another")
    assert resumed.skip_to("end")
    assert resumed.command("end", None, lambda: World(0).command("never")) == {"out": "end\ufffd\ufffd"}
    assert (resumed.spent.model_calls, resumed.next_name) == (2, None)


def test_another_request_than_the_journaled_one_drops_the_tail(
    database: Database, new_turn: Callable[..., Turn], caplog: pytest.LogCaptureFixture
) -> None:
    turn, world = new_turn(), World()
    play(TurnJournal(database, turn, world.complete), world, 3)
    changed = TurnJournal(database, turn, world.complete)
    changed.model(ModelRequest(turn="", model="m", messages=(Message(role="user", content="begin"),)))
    changed.command("c0", {"said": "something else"}, lambda: world.command("new"))
    assert "step 2 differs from its journal" in caplog.text
    rows = database.rows("SELECT step FROM journal WHERE turn = %s ORDER BY step", turn.id)
    assert [row["step"] for row in rows] == [1, 2]
    assert world.commands[-1] == "new"


def test_a_fenced_turn_writes_nothing(database: Database, new_turn: Callable[..., Turn], turns: Turns) -> None:
    turn, world = new_turn(), World()
    journal = TurnJournal(database, turn, world.complete)
    play(journal, world, 1)
    newer = turns.take(turn.id, "other")
    assert newer is not None
    with pytest.raises(Fenced):
        journal.model(ModelRequest(turn="", model="m", messages=()))
    with pytest.raises(Fenced):
        journal.command("late", None, lambda: world.command("late"))
    stale = TurnJournal(database, turn, world.complete)
    with pytest.raises(Fenced):
        stale.model(ModelRequest(turn="", model="other", messages=()))
    assert "late" not in world.commands
    assert len(database.rows("SELECT 1 FROM journal WHERE turn = %s", turn.id)) == 2
    with pytest.raises(Fenced), database.transaction() as connection:
        turns.finish(connection, turn, {"verdict": "late"})
    with database.transaction() as connection:
        turns.finish(connection, newer, {"verdict": "done"})


def test_a_command_overtaken_while_it_runs_leaves_no_result(
    database: Database, new_turn: Callable[..., Turn], turns: Turns
) -> None:
    turn, world = new_turn(), World()

    def overtaken() -> CommandResult:
        turns.take(turn.id, "other")
        return world.command("late")

    with pytest.raises(Fenced):
        TurnJournal(database, turn, world.complete).command("late", None, overtaken)
    (row,) = database.rows("SELECT reply FROM journal WHERE turn = %s", turn.id)
    assert row["reply"] is None


def test_rows_of_another_kind_are_said_to_be_broken(database: Database, new_turn: Callable[..., Turn]) -> None:
    turn, world = new_turn(), World()
    request = ModelRequest(turn="", model="m", messages=())
    TurnJournal(database, turn, world.complete).model(request)
    with database.transaction() as connection:
        connection.execute("UPDATE journal SET kind = 'command' WHERE turn = %s", [turn.id])
    with pytest.raises(JournalBroken, match="step 1"):
        TurnJournal(database, turn, world.complete).model(request)


def test_journaled_calls_have_their_whole_requests_again(database: Database, new_turn: Callable[..., Turn]) -> None:
    turn, world = new_turn(), World()
    play(TurnJournal(database, turn, world.complete), world, 3)
    calls = journaled_calls(database, [turn.thread])
    assert [call.turn for call in calls] == world.models
    assert [len(call.messages) for call in calls] == [1, 3, 5]
    assert calls[2].messages[:3] == calls[1].messages
    with database.connection() as connection:
        used = spending_of(connection, turn.thread, turn.thread)
        other = spending_of(connection, turn.thread, "nobody").thread
    task = used.thread
    assert used.feature == task
    assert used.budget_usd is None
    assert (task.model_calls, task.tokens, task.cost_usd) == (3, 33, 1.5)
    assert (other.model_calls, other.tokens, other.cost_usd) == (0, 0, 0.0)


def test_a_command_is_not_waited_for_but_a_reply_is(database: Database, new_turn: Callable[..., Turn]) -> None:
    turn = new_turn()
    with database.transaction() as connection:
        connection.execute("SELECT hold_turn_soon(%s, %s)", [turn.id, turn.epoch])
        assert connection.execute("SHOW synchronous_commit").fetchone() == {"synchronous_commit": "off"}
    with database.connection() as connection:  # the setting ended with its transaction
        assert connection.execute("SHOW synchronous_commit").fetchone() == {"synchronous_commit": "on"}


def test_a_result_without_its_intent_is_not_lost_in_silence(database: Database, new_turn: Callable[..., Turn]) -> None:
    turn = new_turn()

    def forget() -> CommandResult:
        with database.transaction() as connection:
            connection.execute("DELETE FROM journal WHERE turn = %s", [turn.id])
        return CommandResult(reply=None)

    with pytest.raises(JournalBroken, match="step 1 of turn .* was dropped while it ran"):
        TurnJournal(database, turn, World().complete).command("c", None, forget)


def test_a_result_of_a_worker_that_was_replaced_is_not_written(
    database: Database, new_turn: Callable[..., Turn], turns: Turns
) -> None:
    turn = new_turn()

    def replaced() -> CommandResult:
        assert turns.take(turn.id, "other") is not None
        return CommandResult(reply="late")

    with pytest.raises(Fenced):
        TurnJournal(database, turn, World().complete).command("c", None, replaced)
    assert [row["reply"] for row in database.rows("SELECT reply FROM journal WHERE turn = %s", turn.id)] == [None]


def test_the_last_budget_that_a_person_set_holds(database: Database, new_turn: Callable[..., Turn]) -> None:
    turn = new_turn()
    with database.transaction() as connection:
        for number, cost in enumerate((5.0, 2.5)):
            connection.execute(
                "INSERT INTO inbox (thread, key, kind, payload) VALUES (%s, %s, 'budget', jsonb_build_object('cost_usd', %s::float8))",
                [turn.thread, f"budget:{number}", cost],
            )
        assert spending_of(connection, turn.thread, turn.thread).budget_usd == 2.5
