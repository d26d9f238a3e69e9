"""The PostgreSQL database in which deliveries stand: connections, transactions and numbered migrations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool, PoolTimeout
from pydantic import JsonValue

from agents.errors import Fenced, StateUnavailable

Connection = psycopg.Connection[DictRow]

SEARCH_PATH = "-c search_path=roadcrew,public"
"""Connection option: the team's tables, the queue and the checkpoints have a schema of their own."""
MIGRATION_LOCK = 7_236_001
"""Key of the advisory lock that lets one process migrate at a time."""
CONNECT_SECONDS = 10
LEASE_LOST = "RC001"
"""What the server answers a holder that was replaced; see `sql/0003_fence.sql`."""


class Database:
    """A pool of connections to one PostgreSQL database; safe to share between threads.

    ``schema`` holds the team's tables, so that several programs may share a database.
    """

    def __init__(self, url: str, connections: int = 16) -> None:
        self.url = url
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=connections,
            open=False,
            timeout=20,
            kwargs={"autocommit": True, "row_factory": dict_row, "options": SEARCH_PATH},
            connection_class=psycopg.Connection[DictRow],
        )

    def open(self) -> None:
        """Connect and bring the tables up to date; raises `StateUnavailable`, with the server's own words."""
        with _translated(self.url):
            with psycopg.connect(
                self.url, connect_timeout=CONNECT_SECONDS
            ) as first:  # the pool would say only "timeout"
                _check_encoding(first.info)
            self._pool.open(wait=True, timeout=20)
        self._migrate()

    def close(self) -> None:
        """Return all connections."""
        self._pool.close()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend one autocommitting connection."""
        with _translated(self.url), self._pool.connection() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Lend one connection inside a transaction, committed when the block ends well."""
        with self.connection() as connection, fenced(), connection.transaction():
            yield connection

    def rows(self, query: str, *parameters: object) -> list[DictRow]:
        """Return all rows of one query."""
        with self.connection() as connection:
            return connection.execute(query, parameters).fetchall()

    def _migrate(self) -> None:
        with self.connection() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
            connection.execute("CREATE SCHEMA IF NOT EXISTS roadcrew")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, at timestamptz DEFAULT now())"
            )
            known = {row["name"] for row in connection.execute("SELECT name FROM migration")}
            for file in sorted(files("agents").joinpath("sql").iterdir(), key=lambda f: f.name):
                if file.name.endswith(".sql") and file.name not in known:
                    connection.execute(file.read_text().encode())
                    connection.execute("INSERT INTO migration (name) VALUES (%s)", [file.name])


def _check_encoding(info: psycopg.ConnectionInfo) -> None:
    """Raise `StateUnavailable` for a database that cannot hold every text: issues come in all scripts."""
    encoding = info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StateUnavailable(
            f"the PostgreSQL database {info.dbname} at {info.host}:{info.port} has the encoding {encoding}, not UTF8",
            f"make one with CREATE DATABASE {info.dbname}_utf8 ENCODING 'UTF8' TEMPLATE template0, and set DATABASE_URL to it",
        )


@contextmanager
def fenced() -> Iterator[None]:
    """Raises `Fenced` where the server finds that a lease was lost."""
    try:
        yield
    except psycopg.DatabaseError as fault:
        if fault.sqlstate == LEASE_LOST:
            raise Fenced(fault.diag.message_primary or "another worker has taken over") from None
        raise


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except psycopg.ProgrammingError as fault:
        if fault.sqlstate is not None:
            raise  # the server's answer to a query of ours: a defect, not an address
        raise StateUnavailable(
            "DATABASE_URL is no address of a PostgreSQL database",
            "write it as postgresql://user:password@host:5432/name",
        ) from None
    except (psycopg.OperationalError, PoolTimeout) as fault:
        where = conninfo_to_dict(url)
        address = f"{where.get('host', 'localhost')}:{where.get('port', 5432)}/{where.get('dbname', '')}"
        raise StateUnavailable(
            f"PostgreSQL at {address} does not answer: {str(fault).strip().splitlines()[0] if str(fault) else fault!r}",
            "start it with `roadcrew up`, or set DATABASE_URL to one that runs",
        ) from fault


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
