"""Turns: the pieces of long work that threads want done, each wanted once per (thread, interrupt)."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue

from agents.database import Connection, Database, as_json
from agents.threads import Failure, Lease, Letter, Record, Threads, renew_thread


class WantedTurn(Record):
    """What a node asks for when it interrupts for a role's work."""

    role: str
    """The role, which is also the name of the queue."""
    task: str = "-"
    """The task's key, `-` for a turn of the whole feature."""
    round: int = 1
    payload: dict[str, JsonValue] = {}


class Turn(Record):
    """A turn under a lease: its holder may write its journal until a newer epoch takes it."""

    id: int
    thread: str
    interrupt: str
    role: str
    key: str
    """`feature/task/role/round`; with the step behind it, the header of each model request."""
    round: int
    payload: dict[str, JsonValue]
    attempt: int
    epoch: int


class TurnState(Record):
    """A turn as people see it."""

    id: int
    thread: str
    role: str
    key: str
    round: int
    status: str
    attempt: int
    steps: int
    model_calls: int
    tokens: int
    cost_usd: float | None
    seconds: float
    started_at: datetime | None
    failure: Failure | None
    result: dict[str, JsonValue] | None


class Turns:
    """The table of turns."""

    def __init__(self, database: Database, threads: Threads) -> None:
        self._database = database
        self._threads = threads

    def want(self, connection: Connection, lease: Lease, interrupt: str, wanted: WantedTurn) -> int | None:
        """Record a wanted turn; return its id, or None when it was wanted before."""
        renew_thread(connection, lease)
        feature = lease.thread.rsplit("/", 1)[-1] if wanted.task == "-" else str(wanted.payload["feature"])
        row = connection.execute(
            "INSERT INTO turn (thread, interrupt, role, key, round, payload) VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (thread, interrupt) DO NOTHING RETURNING id",
            [
                lease.thread,
                interrupt,
                wanted.role,
                f"{feature}/{wanted.task}/{wanted.role}/{wanted.round}",
                wanted.round,
                as_json(wanted.payload),
            ],
        ).fetchone()
        return None if row is None else int(row["id"])

    def take(self, turn: int, holder: str) -> Turn | None:
        """Start or take over a turn; None when nobody wants it any more."""
        rows = self._database.rows(
            "UPDATE turn SET epoch = epoch + 1, holder = %s, heartbeat = clock_timestamp(), status = 'running',"
            " started_at = coalesce(started_at, clock_timestamp())"
            " WHERE id = %s AND status IN ('wanted', 'running')"
            " RETURNING id, thread, interrupt, role, key, round, payload, attempt, epoch",
            holder,
            turn,
        )
        return Turn.model_validate(rows[0]) if rows else None

    def finish(self, connection: Connection, turn: Turn, result: dict[str, JsonValue]) -> None:
        """Record the result and tell the thread."""
        renew_turn(connection, turn)
        connection.execute(
            "UPDATE turn SET status = 'done', result = %s, failure = NULL, finished_at = clock_timestamp() WHERE id = %s",
            [as_json(result), turn.id],
        )
        letter = Letter(
            id=0,
            thread=turn.thread,
            key=f"turn:{turn.id}",
            kind="turn",
            payload={"interrupt": turn.interrupt, "result": result},
        )
        self._threads.send(connection, letter)

    def fail(self, connection: Connection, turn: Turn, failure: Failure) -> None:
        """Record that the turn stands still until somebody retries it."""
        renew_turn(connection, turn)
        connection.execute(
            "UPDATE turn SET status = 'failed', failure = %s, finished_at = clock_timestamp() WHERE id = %s",
            [as_json(failure.model_dump()), turn.id],
        )

    def revive(self, connection: Connection, thread: str) -> list[Turn]:
        """Want the failed turns of a thread again; return them.

        A resumable failure goes on from its journal, any other starts a new attempt with a fresh one.
        """
        rows = connection.execute(
            "UPDATE turn SET status = 'wanted', epoch = epoch + 1, failure = NULL,"
            " attempt = attempt + CASE WHEN (failure->>'resumable')::boolean THEN 0 ELSE 1 END,"
            " finished_at = NULL WHERE thread = %s AND status = 'failed'"
            " RETURNING id, thread, interrupt, role, key, round, payload, attempt, epoch",
            [thread],
        ).fetchall()
        return [Turn.model_validate(row) for row in rows]

    def failed(self, connection: Connection, thread: str) -> Failure | None:
        """Return why one of the thread's turns stands still, or None."""
        row = connection.execute(
            "SELECT failure FROM turn WHERE thread = %s AND status = 'failed' ORDER BY id LIMIT 1", [thread]
        ).fetchone()
        return Failure.model_validate(row["failure"]) if row else None

    def cancel(self, connection: Connection, thread: str) -> None:
        """Drop what a thread still wants; a running turn is fenced at its next write."""
        connection.execute(
            "UPDATE turn SET status = 'cancelled', epoch = epoch + 1, finished_at = clock_timestamp()"
            " WHERE thread = %s AND status IN ('wanted', 'running', 'failed')",
            [thread],
        )

    def of(self, threads: list[str]) -> list[TurnState]:
        """Return the turns of these threads with their use of steps, tokens and money, the oldest first."""
        rows = self._database.rows(
            "SELECT t.id, t.thread, t.role, t.key, t.round, t.status, t.attempt, t.started_at, t.failure, t.result,"
            " count(j.step) AS steps, count(j.step) FILTER (WHERE j.kind = 'model') AS model_calls,"
            " coalesce(sum(j.prompt_tokens + j.completion_tokens), 0)::bigint AS tokens, sum(j.cost_usd) AS cost_usd,"
            " coalesce(extract(epoch FROM coalesce(t.finished_at, clock_timestamp()) - t.started_at), 0)::float8"
            " AS seconds"
            " FROM turn t LEFT JOIN journal j ON j.turn = t.id WHERE t.thread = ANY(%s) GROUP BY t.id ORDER BY t.id",
            threads,
        )
        return [TurnState.model_validate(row) for row in rows]


def renew_turn(connection: Connection, turn: Turn) -> None:
    """Renew a turn's lease inside the writer's transaction, which ends in `Fenced` when somebody else holds it."""
    connection.execute("SELECT hold_turn(%s, %s)", [turn.id, turn.epoch])
