"""A PostgreSQL database in which a program's state stands: connections, transactions and numbered migrations."""

import select
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from psycopg_pool import ConnectionPool

Connection = psycopg.Connection[DictRow]

CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Tables:
    """Which tables a program has, and how it tells people that their database is away."""

    schema: str
    """Theirs alone, so that several programs may share a database; a plain word of ours."""
    migrations: "Traversable"
    """The folder of `NNNN_name.sql`, each run once, by name."""
    lock: int
    """Key of the advisory lock that lets one process migrate at a time."""
    variable: str
    """The variable that holds the address."""
    start: str
    """How to start one, as an imperative."""
    unavailable: Callable[[str, str], Exception]
    """Makes the program's own error of a message and a hint."""

    @property
    def search_path(self) -> str:
        """Connection option: the program's own tables come first."""
        return f"-c search_path={self.schema},public"


class StateDatabase:
    """Connections to one PostgreSQL database; safe to share between threads.

    A program that does one thing after another has one connection; a pool is there from when a second is wanted.
    """

    def __init__(self, url: str, tables: Tables, connections: int = 16) -> None:
        self.url = url
        self._tables = tables
        self._most = connections
        self._given = {"autocommit": True, "row_factory": dict_row, "options": tables.search_path}
        self._lock = threading.Lock()
        self._first: Connection | None = None
        """The connection of `open`, while nobody has it."""
        self._pool: ConnectionPool[Connection] | None = None
        self._closed = False

    def open(self) -> None:
        """Connect and bring the tables up to date; raises the program's error, with the server's own words."""
        with self._translated():
            first: Connection = psycopg.connect(self.url, connect_timeout=CONNECT_SECONDS, **self._given)  # type: ignore[arg-type] # its own options
            try:
                self._check_encoding(first.info)
                self._migrate(first)
            except BaseException:
                first.close()
                raise
        with self._lock:
            self._first = first

    def close(self) -> None:
        """Return all connections; those that are lent, when they are given back."""
        with self._lock:
            self._closed = True
            first, pool, self._first, self._pool = self._first, self._pool, None, None
        if first is not None:
            first.close()
        if pool is not None:
            pool.close()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend one autocommitting connection."""
        with self._translated():
            with self._lock:
                first, self._first = self._first, None
            if first is None or not _goes_on(first):
                with self._pooled() as another:
                    yield another
                return
            try:
                yield first
            finally:
                self._give_back(first)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Lend one connection inside a transaction, committed when the block ends well."""
        with self.connection() as connection, connection.transaction():
            yield connection

    def rows(self, query: str, *parameters: object) -> list[DictRow]:
        """Return all rows of one query."""
        with self.connection() as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    @contextmanager
    def _pooled(self) -> Iterator[Connection]:
        pool = self._opened_pool()
        with ExitStack() as lent:
            connection = lent.enter_context(pool.connection())
            if not _goes_on(connection):
                pool.drain()  # the others are as old
                lent.close()
                connection = lent.enter_context(pool.connection())
            yield connection

    def _give_back(self, first: Connection) -> None:
        """Keep it for the next one; one that broke off, or is in the middle of something, is replaced by the pool's."""
        whole = not first.closed and first.info.transaction_status == TransactionStatus.IDLE
        with self._lock:
            if whole and not self._closed:
                self._first = first
                return
        first.close()

    def _opened_pool(self) -> "ConnectionPool[Connection]":
        from psycopg_pool import ConnectionPool

        with self._lock:
            if self._closed:
                raise psycopg.OperationalError("it was closed by this program")
            if self._pool is None:
                self._pool = ConnectionPool(
                    self.url, min_size=1, max_size=self._most, open=True, timeout=20, kwargs=self._given,
                    connection_class=psycopg.Connection[DictRow],
                )  # fmt: skip
            return self._pool

    def _migrate(self, connection: Connection) -> None:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [self._tables.lock])
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._tables.schema}".encode())
            # made in the first place of the search path
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, at timestamptz DEFAULT now())"
            )
            known = {row["name"] for row in connection.execute("SELECT name FROM migration")}
            for file in sorted(self._tables.migrations.iterdir(), key=lambda file: file.name):
                if file.name.endswith(".sql") and file.name not in known:
                    connection.execute(file.read_text().encode())
                    connection.execute("INSERT INTO migration (name) VALUES (%s)", [file.name])

    def _check_encoding(self, info: psycopg.ConnectionInfo) -> None:
        """Refuse a database that cannot hold every text: names and issues come in all scripts."""
        encoding = info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise self._tables.unavailable(
                f"the PostgreSQL database {info.dbname} at {info.host}:{info.port} has the encoding {encoding}, not UTF8",
                f"make one with CREATE DATABASE {info.dbname}_utf8 ENCODING 'UTF8' TEMPLATE template0, and set"
                f" {self._tables.variable} to it",
            )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.ProgrammingError as fault:
            if fault.sqlstate is not None:
                raise  # the server's answer to a query of ours: a defect, not an address
            raise self._tables.unavailable(
                f"{self._tables.variable} is no address of a PostgreSQL database",
                "write it as postgresql://user:password@host:5432/name",
            ) from None
        except psycopg.OperationalError as fault:  # a pool that waited in vain says it so, too
            words = str(fault).strip().splitlines()
            raise self._tables.unavailable(
                f"PostgreSQL at {_place(self.url)} does not answer: {words[0] if words else repr(fault)}",
                f"{self._tables.start}, or set {self._tables.variable} to one that runs",
            ) from fault


def _goes_on(connection: Connection) -> bool:
    """Whether the server has not ended an idle connection, as at its restart; one that it has is closed.

    Nothing is asked while nothing has come: a server that ends a connection says so, or its end of the socket closes.
    """
    waiting = select.poll()
    try:
        waiting.register(connection.fileno(), select.POLLIN)
        if waiting.poll(0):
            connection.execute("")
    except psycopg.OperationalError:
        connection.close()
        return False
    return True


def _place(url: str) -> str:
    where = conninfo_to_dict(url)
    return f"{where.get('host', 'localhost')}:{where.get('port', 5432)}/{where.get('dbname', '')}"
