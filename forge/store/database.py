"""The SQLite file: one connection a thread, immediate write transactions, durable commits."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Generic, TypeVar

from forge.records import Record
from forge.text import has_phrase

BUSY_SECONDS = 30.0

R = TypeVar("R", bound=Record)
Value = str | int | float | bool | None


def now() -> str:
    """The time as GitHub writes it, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Page(Record):
    """Which part of a list is wanted."""

    number: int = 1
    size: int = 30


ALL = Page(size=1_000_000)


class Listing(Generic[R]):
    """One page of records with the count of all of them."""

    def __init__(self, items: list[R], total: int) -> None:
        self.items = items
        self.total = total


COLUMNS = (
    "repositories ADD COLUMN size INTEGER NOT NULL DEFAULT 0",
    "review_comments ADD COLUMN position INTEGER NOT NULL DEFAULT 1",
    "pulls ADD COLUMN commits INTEGER",
    "pulls ADD COLUMN changed_files INTEGER",
    "pulls ADD COLUMN additions INTEGER",
    "pulls ADD COLUMN deletions INTEGER",
    "repositories ADD COLUMN next_milestone INTEGER NOT NULL DEFAULT 1",
    "issues ADD COLUMN milestone_id INTEGER",
)
"""What came after the first schema, in order; the file's `user_version` says how many it has."""


def _add_columns(db: sqlite3.Connection) -> None:
    done = int(db.execute("PRAGMA user_version").fetchone()[0])
    for column in COLUMNS[done:]:
        db.execute(f"ALTER TABLE {column}")
    db.execute(f"PRAGMA user_version = {max(done, len(COLUMNS))}")


class Database:
    """Hands out connections; a thread gets the same one each time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        path.touch(mode=0o600)
        with self.read() as db:
            db.executescript(resources.files("forge.store").joinpath("schema.sql").read_text())
        with self.write() as db:
            _add_columns(db)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.create_function("has_phrase", 2, has_phrase, deterministic=True)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            self._local.connection = connection
        return connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading; inside `write` it sees that transaction."""
        yield self._connection()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end, rolled back on any exception. Nested calls join it."""
        connection = self._connection()
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            self._local.waiting = []
            raise
        connection.execute("COMMIT")
        waiting, self._local.waiting = self._waiting(), []
        for call in waiting:
            call()

    def _waiting(self) -> list[Callable[[], None]]:
        waiting: list[Callable[[], None]] = getattr(self._local, "waiting", [])
        return waiting

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this once the running transaction is committed and others see it; never if it fails."""
        if self._connection().in_transaction:
            self._local.waiting = [*self._waiting(), call]
        else:
            call()

    def close(self) -> None:
        """Close this thread's connection, which folds the write-ahead log into the file."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


def one(db: sqlite3.Connection, kind: type[R], sql: str, values: Sequence[Value] = ()) -> R | None:
    """The first row as a record, or None."""
    row = db.execute(sql, values).fetchone()
    return None if row is None else kind.model_validate(dict(row))


def many(db: sqlite3.Connection, kind: type[R], sql: str, values: Sequence[Value] = ()) -> list[R]:
    """All rows as records."""
    return [kind.model_validate(dict(row)) for row in db.execute(sql, values)]


def listing(db: sqlite3.Connection, kind: type[R], sql: str, values: Sequence[Value], page: Page) -> Listing[R]:
    """One page of a query's rows, and how many rows it has."""
    total = db.execute(f"SELECT count(*) FROM ({sql})", values).fetchone()[0]  # noqa: S608 - fixed text
    offset = (page.number - 1) * page.size
    return Listing(many(db, kind, f"{sql} LIMIT ? OFFSET ?", [*values, page.size, offset]), total)


def insert(db: sqlite3.Connection, table: str, **values: Value) -> int:
    """Insert a row and return its id; table and column names come from code, never from a request."""
    names = ", ".join(values)
    marks = ", ".join("?" for _ in values)
    done = db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))  # noqa: S608 - names from code
    return int(done.lastrowid or 0)


def update(db: sqlite3.Connection, table: str, key: int, **values: Value) -> None:
    """Set columns of the row with this id."""
    if values:
        names = ", ".join(f"{name} = ?" for name in values)
        column = "issue_id" if table == "pulls" else "id"
        db.execute(f"UPDATE {table} SET {names} WHERE {column} = ?", [*values.values(), key])  # noqa: S608 - names from code
