"""The PostgreSQL database in which devctl's state stands: connections, transactions and numbered migrations."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from devctl.errors import StateUnavailable
from devctl.settings import DevctlSettings

Connection = psycopg.Connection[DictRow]

SEARCH_PATH = "-c search_path=devctl,public"
MIGRATION_LOCK = 7_236_002
"""Key of the advisory lock that lets one process migrate at a time."""
CONNECT_SECONDS = 10


class Database:
    """A pool of connections to one PostgreSQL database; safe to share between threads."""

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
        """Connect and bring the tables up to date; raises StateUnavailable, with the server's own words."""
        with _translated(self.url):
            psycopg.connect(self.url, connect_timeout=CONNECT_SECONDS).close()  # the pool would say only "timeout"
            self._pool.open(wait=True, timeout=20)
        try:
            self._migrate()
        except BaseException:
            self._pool.close()
            raise

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
        with self.connection() as connection, connection.transaction():
            yield connection

    def rows(self, query: str, *parameters: object) -> list[DictRow]:
        """Return all rows of one query."""
        with self.connection() as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def _migrate(self) -> None:
        with self.connection() as connection, connection.transaction():
            encoding = connection.execute("SHOW server_encoding").fetchone()
            if encoding is None or encoding["server_encoding"] != "UTF8":
                raise StateUnavailable(
                    f"the database of {_place(self.url)} is not in UTF-8", "make it with `createdb -E UTF8`"
                )
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
            connection.execute("CREATE SCHEMA IF NOT EXISTS devctl")  # the first place of the search path
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, at timestamptz DEFAULT now())"
            )
            known = {row["name"] for row in connection.execute("SELECT name FROM migration")}
            for file in sorted(files("devctl.fleet").joinpath("sql").iterdir(), key=lambda file: file.name):
                if file.name.endswith(".sql") and file.name not in known:
                    connection.execute(file.read_text().encode())
                    connection.execute("INSERT INTO migration (name) VALUES (%s)", [file.name])


def open_database(settings: DevctlSettings) -> Database:
    """Open the database that the settings name, or the embedded one of devctl's folder, which it starts.

    Raises StateUnavailable.
    """
    database = Database(settings.database_url or _embedded(settings))
    database.open()
    return database


def _embedded(settings: DevctlSettings) -> str:
    from local import LocalError, ensure_postgres, open_workspace

    try:
        return ensure_postgres(open_workspace(settings.folder / "state"))
    except LocalError as error:
        raise StateUnavailable(
            f"devctl's own PostgreSQL does not start: {error}", "mend it, or set DEVCTL_DATABASE_URL to one that runs"
        ) from error


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except psycopg.ProgrammingError as error:
        if error.sqlstate is not None:
            raise  # the server's answer to a query of ours: a defect, not an address
        raise StateUnavailable(
            "DEVCTL_DATABASE_URL is no address of a PostgreSQL database",
            "write it as postgresql://user:password@host:5432/name",
        ) from None
    except (psycopg.OperationalError, PoolTimeout) as error:
        words = str(error).strip().splitlines()
        raise StateUnavailable(
            f"PostgreSQL at {_place(url)} does not answer: {words[0] if words else error!r}",
            "start it, or set DEVCTL_DATABASE_URL to one that runs",
        ) from error


def _place(url: str) -> str:
    where = conninfo_to_dict(url)
    return f"{where.get('host', 'localhost')}:{where.get('port', 5432)}/{where.get('dbname', '')}"
