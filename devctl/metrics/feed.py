"""New rows of a table that only grows, each read once."""

from datetime import timedelta

from psycopg.rows import DictRow

from devctl.fleet.database import Database

LATE = timedelta(minutes=2)
"""How long a transaction may take: its rows become visible at its end, behind others with higher numbers."""


class Feed:
    """Reads the rows that a table with `id` and `at` gained since the last look, whichever program wrote them."""

    def __init__(self, database: Database, table: str, fields: str, condition: str = "true") -> None:
        """Begin after the last row that is there; the words are our own, never a caller's."""
        self._database = database
        self._query = f"SELECT id, at < now() - %s AS settled, {fields} FROM {table} WHERE id > %s AND ({condition})"  # noqa: S608 - our own words
        self._settled: int = database.rows(f"SELECT coalesce(max(id), 0) AS id FROM {table}")[0]["id"]  # noqa: S608 - our own words
        self._seen: set[int] = set()

    def new(self) -> list[DictRow]:
        """The rows that were not returned before; raises StateUnavailable."""
        rows = self._database.rows(self._query, LATE, self._settled)
        new = [row for row in rows if row["id"] not in self._seen]
        self._settled = max((row["id"] for row in rows if row["settled"]), default=self._settled)
        self._seen = {row["id"] for row in rows if row["id"] > self._settled}
        return new
