"""The PostgreSQL database in which deliveries stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from pydantic import JsonValue

from agents.errors import Fenced, StateUnavailable
from local.state_database import Connection, StateDatabase, Tables

__all__ = ["SEARCH_PATH", "Connection", "Database", "as_json", "clean", "connections_for", "fenced"]

TABLES = Tables(
    schema="roadcrew",
    migrations=files("agents").joinpath("sql"),
    lock=7_236_001,
    variable="DATABASE_URL",
    start="start it with `roadcrew up`",
    unavailable=StateUnavailable,
)
SEARCH_PATH = TABLES.search_path
"""Connection option: the team's tables, the queue and the checkpoints have a schema of their own."""
OTHERS = 8
"""Connections for what is no job: polls, webhooks, the command that looks on."""
LEASE_LOST = "RC001"
"""What the server answers a holder that was replaced; see `sql/0003_fence.sql`."""


class Database(StateDatabase):
    """A pool of connections to the team's tables; safe to share between threads. It raises `StateUnavailable`."""

    def __init__(self, url: str, connections: int = 16) -> None:
        super().__init__(url, TABLES, connections)

    @contextmanager
    def transaction(self, soon: bool = False) -> Iterator[Connection]:
        """Lend one connection inside a transaction, committed when the block ends well.

        Statements travel to the server together with the next one whose answer is fetched, at the latest with the
        commit; one that fails raises there, and nothing after it is done. A row count is not known before that.
        With ``soon`` the commit is on disk with the next one that is waited for: for what only a job follows from,
        or the end of the job that does it, which the queue waits for.
        """
        with self.connection() as connection, fenced(), connection.pipeline() as pipeline:
            connection.execute("BEGIN")
            if soon:
                connection.execute("SET LOCAL synchronous_commit = off")
            try:
                yield connection
                connection.execute("COMMIT")
                pipeline.sync()
            except BaseException:
                with suppress(psycopg.Error):
                    pipeline.sync()  # says that what was sent after a failed statement was passed over
                connection.rollback()
                raise


def connections_for(jobs: int) -> int:
    """Return how many connections so many jobs at a time need: each holds its thread's while it asks for another."""
    return 2 * jobs + OTHERS


@contextmanager
def fenced() -> Iterator[None]:
    """Raises `Fenced` where the server finds that a lease was lost."""
    try:
        yield
    except psycopg.DatabaseError as fault:
        if fault.sqlstate == LEASE_LOST:
            raise Fenced(fault.diag.message_primary or "another worker has taken over") from None
        raise


def clean(value: JsonValue) -> JsonValue:
    """Return the value with what jsonb cannot hold (NUL, lone surrogates) replaced by U+FFFD."""
    if isinstance(value, str):
        if value.isascii() and "\x00" not in value:
            return value
        return value.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {str(clean(key)): clean(item) for key, item in value.items()}
    return value


def as_json(value: Any) -> Jsonb:
    """Wrap a value for a jsonb column."""
    return Jsonb(clean(value))
