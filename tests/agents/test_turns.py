"""Turns: wanted once, revived, cancelled."""

from collections.abc import Callable

import pytest

from agents.database import Database
from agents.errors import Fenced
from agents.journal import CommandResult, TurnJournal
from agents.threads import Failure, Lease, Threads
from agents.turns import Turn, Turns, WantedTurn
from tools.model import ModelReply, ModelRequest

AWAY = Failure(message="no answer", where="coder", resumable=True)
BROKEN = Failure(message="no valid plan", where="planner", resumable=False)


def never(_request: ModelRequest) -> ModelReply:
    raise AssertionError("no model is asked here")


def fail(database: Database, turns: Turns, turn: Turn, failure: Failure) -> None:
    with database.transaction() as connection:
        turns.fail(connection, turn, failure)


def revive(database: Database, turns: Turns, thread: str) -> list[Turn]:
    with database.transaction() as connection:
        return turns.revive(connection, thread)


def test_a_turn_is_wanted_once_per_interrupt(
    database: Database, turns: Turns, lease: Lease, new_turn: Callable[..., Turn]
) -> None:
    turn = new_turn("i1")
    assert turn.key == "F-1/-/coder/1"
    with database.transaction() as connection:
        assert turns.want(connection, lease, "i1", WantedTurn(role="coder")) is None
        assert turns.want(connection, lease, "i2", WantedTurn(role="coder")) is not None


def test_a_replaced_thread_wants_nothing(database: Database, turns: Turns, threads: Threads, lease: Lease) -> None:
    threads.take(lease.thread, "other")
    with pytest.raises(Fenced), database.transaction() as connection:
        turns.want(connection, lease, "i1", WantedTurn(role="coder"))


def test_a_resumable_failure_goes_on_from_its_journal(
    database: Database, turns: Turns, new_turn: Callable[..., Turn]
) -> None:
    turn = new_turn()
    TurnJournal(database, turn, never).command("a", None, lambda: CommandResult(reply="kept"))
    fail(database, turns, turn, AWAY)
    with database.connection() as connection:
        assert turns.failed(connection, turn.thread) == AWAY
    (revived,) = revive(database, turns, turn.thread)
    again = turns.take(revived.id, "me")
    assert again is not None
    assert again.attempt == 1
    assert TurnJournal(database, again, never).command("a", None, lambda: CommandResult(reply="new")) == "kept"


def test_any_other_failure_begins_a_new_attempt(
    database: Database, turns: Turns, new_turn: Callable[..., Turn]
) -> None:
    turn = new_turn()
    TurnJournal(database, turn, never).command("a", None, lambda: CommandResult(reply="old"))
    fail(database, turns, turn, BROKEN)
    (revived,) = revive(database, turns, turn.thread)
    again = turns.take(revived.id, "me")
    assert again is not None
    assert again.attempt == 2
    assert TurnJournal(database, again, never).command("a", None, lambda: CommandResult(reply="new")) == "new"
    assert turns.of([turn.thread])[0].steps == 2


def test_what_has_not_failed_is_not_revived(database: Database, turns: Turns, new_turn: Callable[..., Turn]) -> None:
    turn = new_turn()
    assert revive(database, turns, turn.thread) == []


def test_a_cancelled_turn_is_fenced_and_cannot_be_taken(
    database: Database, turns: Turns, new_turn: Callable[..., Turn]
) -> None:
    turn = new_turn()
    with database.transaction() as connection:
        turns.cancel(connection, turn.thread)
    with pytest.raises(Fenced):
        TurnJournal(database, turn, never).command("a", None, lambda: CommandResult(reply=1))
    assert turns.take(turn.id, "other") is None
    assert revive(database, turns, turn.thread) == []


def test_a_finished_turn_tells_its_thread_and_is_not_taken_again(
    database: Database, turns: Turns, threads: Threads, new_turn: Callable[..., Turn]
) -> None:
    turn = new_turn()
    with database.transaction() as connection:
        turns.finish(connection, turn, {"verdict": "green"})
    assert turns.take(turn.id, "other") is None
    (letter,) = threads.unread(turn.thread)
    assert (letter.kind, letter.payload) == ("turn", {"interrupt": "i1", "result": {"verdict": "green"}})
    assert threads.last_result(turn.thread, "coder") == {"verdict": "green"}
    with pytest.raises(LookupError, match="no plan yet"):
        threads.plan_result(turn.thread)


def test_a_failure_after_a_takeover_is_not_recorded(
    database: Database, turns: Turns, new_turn: Callable[..., Turn]
) -> None:
    turn = new_turn()
    turns.take(turn.id, "other")
    with pytest.raises(Fenced):
        fail(database, turns, turn, AWAY)
