"""The PostgreSQL database in which devctl's state stands."""

from importlib.resources import files

from devctl.errors import StateUnavailable
from devctl.settings import DevctlSettings
from local.state_database import Connection, StateDatabase, Tables

__all__ = ["Connection", "Database", "open_database"]

TABLES = Tables(
    schema="devctl",
    migrations=files("devctl.fleet").joinpath("sql"),
    lock=7_236_002,
    variable="DEVCTL_DATABASE_URL",
    start="start it",
    unavailable=StateUnavailable,
)


class Database(StateDatabase):
    """A pool of connections to devctl's tables; safe to share between threads. It raises StateUnavailable."""

    def __init__(self, url: str, connections: int = 16) -> None:
        super().__init__(url, TABLES, connections)


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
