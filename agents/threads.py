"""Threads, their leases and inboxes: who runs a delivery now, and what it has been told.

A thread is one feature's or one task's delivery. `Threads.take` raises its epoch, so that every write of the
holder before it is refused from then on (`Fenced`). A letter is kept once per (thread, key).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from psycopg import Cursor
from psycopg.rows import DictRow
from pydantic import BaseModel, ConfigDict, JsonValue

from agents.database import Connection, Database, as_json
from agents.errors import Fenced

logger = logging.getLogger(__name__)

ThreadKind = Literal["feature", "task"]
ThreadStatus = Literal["active", "waiting", "failed", "done", "stopped"]
ENDED: frozenset[ThreadStatus] = frozenset({"done", "stopped"})


class Record(BaseModel):
    """Base of the records in this package."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Lease(Record):
    """The right to write as one thread, until somebody else takes it."""

    thread: str
    epoch: int
    holder: str


class Failure(Record):
    """Why a thread or turn stands still, in words for people."""

    message: str
    hint: str = ""
    where: str = ""
    """The role or node that failed."""
    resumable: bool = False
    """True when the journal stands and a retry goes on from it (an edge was away)."""


class Letter(Record):
    """One thing that a thread has been told."""

    id: int
    thread: str
    key: str
    kind: str
    """`start`, `turn`, `task`, `pull_request`, `approve`, `edit`, `replan`, `word`, `budget`, `retry` or `stop`."""
    payload: dict[str, JsonValue]


class Word(Record):
    """One thing that a person said to the team while it works."""

    id: int
    by: str
    text: str


class ThreadState(Record):
    """Where a thread stands, as people see it."""

    id: str
    kind: ThreadKind
    repository: str
    issue: int
    parent: str | None
    status: ThreadStatus
    waits_for: str
    failure: Failure | None
    outcome: dict[str, JsonValue] | None
    epoch: int


COLUMNS = "id, kind, repository, issue, parent, status, waits_for, failure, outcome, epoch"
TAKE = "UPDATE thread SET epoch = epoch + 1, holder = %s, heartbeat = clock_timestamp() WHERE id = %s RETURNING epoch"
TAKE_UNENDED = (
    "UPDATE thread SET epoch = epoch + 1, holder = %s, heartbeat = clock_timestamp()"  # noqa: S608 - constants
    f" WHERE id = %s AND status NOT IN ('done', 'stopped') RETURNING {COLUMNS}"
).encode()
UNREAD = "SELECT id, thread, key, kind, payload FROM inbox WHERE thread = %s AND consumed_at IS NULL ORDER BY id"


def new_thread(thread: str, kind: ThreadKind, repository: str, issue: int, parent: str | None) -> ThreadState:
    """Return the state of a thread that has not begun."""
    return ThreadState(
        id=thread,
        kind=kind,
        repository=repository,
        issue=issue,
        parent=parent,
        status="active",
        waits_for="",
        failure=None,
        outcome=None,
        epoch=0,
    )


class Threads:
    """The table of threads and their inboxes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, connection: Connection, state: ThreadState) -> bool:
        """Record a new thread; return False when it exists already."""
        row = connection.execute(
            "INSERT INTO thread (id, kind, repository, issue, parent) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (id) DO NOTHING RETURNING id",
            [state.id, state.kind, state.repository, state.issue, state.parent],
        ).fetchone()
        return row is not None

    def get(self, thread: str) -> ThreadState | None:
        """Return a thread, or None."""
        rows = self._database.rows(f"SELECT {COLUMNS} FROM thread WHERE id = %s", thread)  # noqa: S608 - constants
        return ThreadState.model_validate(rows[0]) if rows else None

    def every(self, repository: str | None = None) -> list[ThreadState]:
        """Return all threads, the oldest first, of one repository where one is named."""
        rows = self._database.rows(
            f"SELECT {COLUMNS} FROM thread WHERE %s::text IS NULL OR repository = %s ORDER BY created_at, id",  # noqa: S608 - constants
            repository,
            repository,
        )
        return [ThreadState.model_validate(row) for row in rows]

    def children(self, thread: str) -> list[ThreadState]:
        """Return the task threads of a feature thread."""
        rows = self._database.rows(f"SELECT {COLUMNS} FROM thread WHERE parent = %s ORDER BY id", thread)  # noqa: S608 - constants
        return [ThreadState.model_validate(row) for row in rows]

    def take(self, thread: str, holder: str) -> Lease:
        """Become the thread's holder; whoever held it before can write no more."""
        rows = self._database.rows(TAKE, holder, thread)
        if not rows:
            raise Fenced(f"there is no thread {thread}")
        return Lease(thread=thread, epoch=rows[0]["epoch"], holder=holder)

    def take_unended(self, thread: str, holder: str) -> tuple[ThreadState, Lease, list[Letter]] | None:
        """Become the holder of a thread that has not ended, and read its inbox; None when it has, or is not there."""
        with self._database.connection() as connection:
            with connection.pipeline():
                taken = connection.execute(TAKE_UNENDED, [holder, thread])
                unread = connection.execute(UNREAD, [thread])
            row, letters = taken.fetchone(), unread.fetchall()
        if row is None:
            return None
        state = ThreadState.model_validate(row)
        lease = Lease(thread=thread, epoch=state.epoch, holder=holder)
        return state, lease, [Letter.model_validate(letter) for letter in letters]

    def post(self, connection: Connection, letter: Letter) -> bool:
        """Put a letter into an inbox; return False when its key was there before. The letter's id is ignored."""
        return self.send(connection, letter).fetchone() is not None

    def send(self, connection: Connection, letter: Letter) -> Cursor[DictRow]:
        """Put a letter into an inbox without asking whether its key was there before."""
        return connection.execute(
            "INSERT INTO inbox (thread, key, kind, payload) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (thread, key) DO NOTHING RETURNING id",
            [letter.thread, letter.key, letter.kind, as_json(letter.payload)],
        )

    def wake(self, connection: Connection, thread: str) -> None:
        """Show a thread that stands still as active: it has been told something and will look at it.

        Whoever follows a delivery would otherwise take the standstill before a retry for the one after it.
        """
        connection.execute(
            "UPDATE thread SET status = 'active', failure = NULL, updated_at = clock_timestamp()"
            " WHERE id = %s AND status IN ('waiting', 'failed')",
            [thread],
        )

    def unread(self, thread: str) -> list[Letter]:
        """Return the letters not yet consumed, the oldest first."""
        return [Letter.model_validate(row) for row in self._database.rows(UNREAD, thread)]

    def consume(self, connection: Connection, lease: Lease, letters: Iterable[int]) -> None:
        """Mark letters as read."""
        renew_thread(connection, lease)
        connection.execute(
            "UPDATE inbox SET consumed_at = clock_timestamp() WHERE thread = %s AND id = ANY(%s)",
            [lease.thread, list(letters)],
        )

    def settle(
        self,
        connection: Connection,
        lease: Lease,
        status: ThreadStatus,
        waits_for: Sequence[str] = (),
        outcome: dict[str, JsonValue] | None = None,
        failure: Failure | None = None,
    ) -> None:
        """Record where the thread stands now, for people to see."""
        renew_thread(connection, lease)
        connection.execute(
            "UPDATE thread SET status = %s, waits_for = %s, outcome = %s, failure = %s, updated_at = clock_timestamp()"
            " WHERE id = %s",
            [
                status,
                "; ".join(waits_for),
                as_json(outcome) if outcome is not None else None,
                as_json(failure.model_dump()) if failure else None,
                lease.thread,
            ],
        )

    def approvals(self, thread: str) -> list[str]:
        """Return the commits that people approved by command."""
        rows = self._database.rows(
            "SELECT payload->>'head' AS head FROM inbox WHERE thread = %s AND kind = 'approve' ORDER BY id",
            thread,
        )
        return [row["head"] for row in rows if row["head"]]

    def set_plan(self, lease: Lease, result: dict[str, JsonValue]) -> None:
        """Make a plan the one in force of a feature's thread."""
        with self._database.transaction() as connection:
            renew_thread(connection, lease)
            connection.execute("UPDATE thread SET plan = %s WHERE id = %s", [as_json(result), lease.thread])

    def plan_result(self, feature: str) -> dict[str, JsonValue]:
        """Return the reference of the plan in force; raises `LookupError` before there is one."""
        rows = self._database.rows("SELECT plan FROM thread WHERE id = %s AND plan IS NOT NULL", feature)
        if not rows:
            raise LookupError(f"{feature} has no plan yet")
        return dict(rows[0]["plan"])

    def words(self, feature: str, after: int = 0) -> list[Word]:
        """Return what people said since the delivery began, the oldest first, without what was heard before."""
        rows = self._database.rows(
            "SELECT id, payload->>'by' AS by, payload->>'text' AS text FROM inbox"
            " WHERE thread = %s AND kind = 'word' AND id > %s ORDER BY id",
            feature,
            after,
        )
        return [Word.model_validate(row) for row in rows]

    def has_letter(self, thread: str, key: str) -> bool:
        """Whether a thread was told this before."""
        return bool(self._database.rows("SELECT 1 FROM inbox WHERE thread = %s AND key = %s", thread, key))

    def told_last(self, thread: str, prefix: str) -> tuple[int, str]:
        """Return how many letters came under keys with this prefix, and the newest key's rest; 0 and "" for none."""
        rows = self._database.rows(
            "SELECT key, count(*) OVER () AS times FROM inbox WHERE thread = %s AND starts_with(key, %s)"
            " ORDER BY id DESC LIMIT 1",
            thread,
            prefix,
        )
        return (rows[0]["times"], rows[0]["key"].removeprefix(prefix)) if rows else (0, "")

    def began_at(self, thread: str) -> datetime | None:
        """Return when a thread was started, or None when there is none."""
        rows = self._database.rows("SELECT created_at FROM thread WHERE id = %s", thread)
        return rows[0]["created_at"] if rows else None

    def last_result(self, thread: str, role: str) -> dict[str, JsonValue] | None:
        """Return the result of a role's last finished turn in a thread, or None."""
        rows = self._database.rows(
            "SELECT result FROM turn WHERE thread = %s AND role = %s AND status = 'done' ORDER BY id DESC LIMIT 1",
            thread,
            role,
        )
        return rows[0]["result"] if rows else None

    def was_delivered(self, delivery: str) -> bool:
        """Whether a webhook delivery was followed up before."""
        return bool(self._database.rows("SELECT 1 FROM delivery WHERE id = %s", delivery))

    def delivered(self, delivery: str) -> None:
        """Remember that a webhook delivery was followed up."""
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO delivery (id) VALUES (%s) ON CONFLICT DO NOTHING", [delivery])


def renew_thread(connection: Connection, lease: Lease) -> None:
    """Renew a lease inside the writer's transaction, which ends in `Fenced` when a newer epoch holds the thread.

    The row stays locked until the transaction ends, so no newer holder can come between check and write.
    """
    connection.execute("SELECT hold_thread(%s, %s)", [lease.thread, lease.epoch])
