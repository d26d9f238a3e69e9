"""What the reaper asks: when an environment was last used, and what is open at this moment."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from devctl.errors import NotRunning, StateUnavailable
from devctl.fleet.database import Connection, Database
from devctl.fleet.records import ActivityKind

log = logging.getLogger(__name__)

_NOTE = """INSERT INTO activity (environment, kind, open) VALUES (%s, %s, greatest(0, %s))
    ON CONFLICT (environment, kind) DO UPDATE SET at = clock_timestamp(), open = greatest(0, activity.open + %s)
    RETURNING kind"""
_BESIDE = "SELECT pg_advisory_xact_lock_shared(hashtextextended('devctl.environment:' || %s, 0))"
_ALONE = "SELECT pg_try_advisory_xact_lock(hashtextextended('devctl.environment:' || %s, 0)) AS got"


class RecordedActivity:
    """Writes uses into the table `activity`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, environment: str, kind: ActivityKind) -> None:
        """Something short was done; raises NotRunning when the reaper has just stopped it."""
        self._begin(environment, kind, 0)

    @contextmanager
    def session(self, environment: str, kind: ActivityKind) -> Iterator[None]:
        """Something is going on as long as the block runs; raises NotRunning when the reaper has just stopped it."""
        self._begin(environment, kind, 1)
        try:
            yield
        finally:
            try:
                self._database.rows(_NOTE, environment, kind, -1, -1)
            except StateUnavailable as error:  # what was done is done, and its result must not be lost
                log.warning("the end of a use of %s is not written down: %s", environment, error)

    def _begin(self, environment: str, kind: ActivityKind, change: int) -> None:
        with self._database.transaction() as connection:
            connection.execute(_BESIDE, [environment])
            connection.execute(_NOTE, [environment, kind, change, change])
            row = connection.execute("SELECT name, phase, why FROM environment WHERE id = %s", [environment]).fetchone()
            if row is not None and row["phase"] == "stopped":
                raise NotRunning(
                    f"{row['name']!r} was stopped at this moment: {row['why']}",
                    f"`devctl start {row['name']}` starts it",
                )


def lock_alone(connection: Connection, environment: str) -> bool:
    """Keep all uses of an environment from beginning until the transaction ends; False when one begins just now."""
    row = connection.execute(_ALONE, [environment]).fetchone()
    return bool(row and row["got"])
