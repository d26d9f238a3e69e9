"""LangGraph's PostgreSQL checkpointer behind a lease: a replaced worker checkpoints nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, copy_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import Cursor
from psycopg.rows import DictRow

from agents.database import Connection, Database, fenced
from agents.errors import StateUnavailable
from agents.threads import Lease

TABLES_LOCK = 7_236_003
"""Key of the advisory lock that lets one process make the tables."""
WAIT_SECONDS = 120.0
"""How long another process may take to make them."""


def make_checkpoint_tables(database: Database) -> None:
    """Make the checkpointer's tables, or what an earlier process left undone of them; one process at a time does it.

    The lock is asked for again and again: a statement that waited for it would be waited for by the indexes that
    its holder makes. Raises `StateUnavailable` where another process does not end.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    with database.connection() as connection:
        while not _ready(connection):
            if not _answer(connection, "SELECT pg_try_advisory_lock(%s) AS answer", TABLES_LOCK):
                if time.monotonic() > deadline:
                    raise StateUnavailable(
                        f"another process has been making the tables of the checkpoints for {WAIT_SECONDS:.0f} seconds",
                        "end it, and try again",
                    )
                time.sleep(0.05)
                continue
            try:
                PostgresSaver(connection).setup()
            finally:
                connection.execute("SELECT pg_advisory_unlock(%s)", [TABLES_LOCK])


def _ready(connection: Connection) -> bool:
    """Whether all steps of the library's own migrations are done."""
    if not _answer(connection, "SELECT to_regclass('checkpoint_migrations') IS NOT NULL AS answer"):
        return False
    last = _answer(connection, "SELECT max(v) AS answer FROM checkpoint_migrations")
    return isinstance(last, int) and last >= len(PostgresSaver.MIGRATIONS) - 1


def _answer(connection: Connection, query: str, *parameters: object) -> object:
    row = connection.execute(query.encode(), parameters).fetchone()
    return None if row is None else row["answer"]


class FencedSaver(PostgresSaver):
    """Checkpoints of one thread, each written in a transaction that first renews the thread's lease.

    They are on disk before a job begins that follows from them, or the advance's own job is over: the queue waits for
    the disk then. A server that loses power before that has lost them together with what the thread wanted next, and
    the nodes run again, as when the worker had died.
    """

    def __init__(self, connection: Connection, lease: Lease) -> None:
        super().__init__(connection)
        self._lease = lease
        self._latest: CheckpointTuple | None = None
        """What was read last, until this holder writes: nobody else can."""

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint; the thread's latest is read again only after a write."""
        asked = config["configurable"]
        if asked.get("checkpoint_id") or asked.get("checkpoint_ns"):
            return super().get_tuple(config)
        latest = self._latest or super().get_tuple(config)
        self._latest = latest
        return latest and latest._replace(checkpoint=copy_checkpoint(latest.checkpoint))

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Iterator[Cursor[DictRow]]:
        """Lend a cursor; all that the library writes through one in pipeline mode is one transaction of the server.

        Raises `Fenced` when the lease was lost.
        """
        with fenced(), super()._cursor(pipeline=pipeline) as cursor:
            if pipeline:
                self._latest = None
                cursor.execute("SELECT hold_thread_soon(%s, %s)", [self._lease.thread, self._lease.epoch])
            yield cursor
