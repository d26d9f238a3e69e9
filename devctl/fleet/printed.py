"""What lifecycle commands printed and which have run, kept beside the environment."""

import threading
from collections.abc import Iterator

from devctl.fleet.database import Database
from devctl.fleet.records import EnvironmentRecord

MOST_BYTES = 2_000_000
"""Kept of one environment; the oldest goes first."""
_PIECE = 65_536
_TRIM = """DELETE FROM printed WHERE environment = %s AND id <= (
    SELECT id FROM (SELECT id, sum(length(data)) OVER (ORDER BY id DESC) AS size FROM printed WHERE environment = %s)
        AS sizes WHERE size > %s ORDER BY id DESC LIMIT 1) RETURNING id"""


class Printed:
    """The output of lifecycle commands in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: EnvironmentRecord, data: bytes) -> None:
        """Keep some output."""
        for start in range(0, len(data), _PIECE):
            self._database.rows(
                "INSERT INTO printed (environment, data) VALUES (%s, %s) RETURNING id",
                *(record.id, data[start : start + _PIECE]),
            )
        self._database.rows(_TRIM, record.id, record.id, MOST_BYTES)

    def after(self, record: EnvironmentRecord, number: int) -> Iterator[tuple[int, bytes]]:
        """The pieces after the one of that number, with theirs."""
        query = "SELECT id, data FROM printed WHERE environment = %s AND id > %s ORDER BY id"
        for row in self._database.rows(query, record.id, number):
            yield row["id"], bytes(row["data"])

    def clear(self, record: EnvironmentRecord) -> None:
        """Forget what a removed environment printed."""
        self._database.rows("DELETE FROM printed WHERE environment = %s RETURNING id", record.id)


class Lived:
    """Which moments of an environment's life are behind it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def behind(self, record: EnvironmentRecord) -> set[str]:
        """The moments whose commands have all ended well, once at least."""
        return {
            row["moment"] for row in self._database.rows("SELECT moment FROM lived WHERE environment = %s", record.id)
        }

    def mark(self, record: EnvironmentRecord, moment: str) -> None:
        """Write down that the commands of a moment have ended well just now."""
        self._database.rows(
            "INSERT INTO lived (environment, moment) VALUES (%s, %s)"
            " ON CONFLICT (environment, moment) DO UPDATE SET at = now() RETURNING moment",
            *(record.id, moment),
        )


class Collected:
    """Output of one command on its way into the database, a piece at a time."""

    def __init__(self, printed: Printed, record: EnvironmentRecord) -> None:
        self._printed = printed
        self._record = record
        self._waiting = bytearray()
        self._left = MOST_BYTES
        self._lock = threading.Lock()

    def add(self, data: bytes) -> None:
        """Take some output; what is over the limit of one command is dropped."""
        with self._lock:
            taken = data[: max(0, self._left)]
            self._left -= len(taken)
            self._waiting += taken
            if len(self._waiting) >= _PIECE:
                self._flush()

    def close(self) -> None:
        """Write what waits."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._printed.add(self._record, bytes(self._waiting))
            self._waiting.clear()
