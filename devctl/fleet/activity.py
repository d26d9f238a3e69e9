"""What the reaper asks: when an environment was last used, and what is open at this moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from devctl.fleet.database import Database
from devctl.fleet.records import ActivityKind

_NOTE = """INSERT INTO activity (environment, kind, open) VALUES (%s, %s, greatest(0, %s))
    ON CONFLICT (environment, kind) DO UPDATE SET at = now(), open = greatest(0, activity.open + %s)
    RETURNING kind"""


class RecordedActivity:
    """Writes uses into the table `activity`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, environment: str, kind: ActivityKind) -> None:
        """Something short was done."""
        self._database.rows(_NOTE, environment, kind, 0, 0)

    @contextmanager
    def session(self, environment: str, kind: ActivityKind) -> Iterator[None]:
        """Something is going on as long as the block runs."""
        self._database.rows(_NOTE, environment, kind, 1, 1)
        try:
            yield
        finally:
            self._database.rows(_NOTE, environment, kind, -1, -1)
