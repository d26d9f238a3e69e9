"""The rows of warm containers: claiming, filling, and what dead processes left."""

import secrets
from collections.abc import Sequence

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from devctl.fleet.database import Database
from devctl.pool.records import Event, PoolRules, Shape, Slot, Wanted

MAKING_SECONDS = 180.0
CLAIMING_SECONDS = 180.0
_FIELDS = "name, host, key, shape, container, paused, baseline, state, why, claimed_by"
_CLAIM = f"""WITH one AS (SELECT name FROM warm WHERE host = %s AND key = %s AND state = 'ready'
        ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED)
    UPDATE warm SET state = 'claimed', claimed_by = %s, deadline = now() + make_interval(secs => %s)
    FROM one WHERE warm.name = one.name RETURNING {", ".join("warm." + field for field in _FIELDS.split(", "))}"""  # noqa: S608 - our own field names
_RESERVE = f"""INSERT INTO warm (name, host, key, shape, state, deadline)
    SELECT %s, %s, %s, %s, 'making', now() + make_interval(secs => %s)
    WHERE (SELECT count(*) FROM warm WHERE host = %s AND state = 'making') < %s
    AND (SELECT count(*) FROM warm WHERE host = %s AND state IN ('making', 'ready')) < %s
    AND (SELECT count(*) FROM warm WHERE host = %s AND key = %s AND state IN ('making', 'ready')) < %s
    RETURNING {_FIELDS}"""  # noqa: S608 - our own field names
_WANTED = """WITH recent AS (
        SELECT host, key, hit, at FROM warm_demand WHERE at > now() - make_interval(secs => %s)),
    burst AS (SELECT host, key, max(count) AS most FROM (
        SELECT host, key, count(*) FROM recent
        GROUP BY host, key, floor(extract(epoch FROM at) / %s)) AS stretches GROUP BY host, key)
    SELECT shape.host, shape.key, shape.shape,
        coalesce(shape.minimum, CASE WHEN burst.most > 0 THEN least(%s, greatest(%s, burst.most)) END, 0)::int AS target,
        (SELECT count(*) FROM warm WHERE (warm.host, warm.key) = (shape.host, shape.key) AND state = 'ready') AS ready,
        (SELECT count(*) FROM warm WHERE (warm.host, warm.key) = (shape.host, shape.key) AND state = 'making') AS making,
        (SELECT count(*) FROM recent WHERE (recent.host, recent.key) = (shape.host, shape.key)) AS claims,
        (SELECT count(*) FROM recent WHERE (recent.host, recent.key) = (shape.host, shape.key) AND hit) AS hits
    FROM warm_shape AS shape LEFT JOIN burst ON (burst.host, burst.key) = (shape.host, shape.key)
    ORDER BY claims DESC, shape.host, shape.key"""


class Stock:
    """Warm containers as the database knows them; any number of processes share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, host: str, shape: Shape, by: str) -> Slot | None:
        """Take one at random that nobody else takes; it must be confirmed before its deadline."""
        rows = self._database.rows(_CLAIM, host, shape.key, by, CLAIMING_SECONDS)
        return _slot(rows[0]) if rows else None

    def confirm(self, slot: Slot) -> None:
        """Say that whoever claimed it has taken it over."""
        self._database.rows("UPDATE warm SET deadline = NULL WHERE name = %s RETURNING name", slot.name)

    def note(self, host: str, shape: Shape, hit: bool) -> None:
        """Write down that a shape was asked for."""
        query = "INSERT INTO warm_demand (host, key, hit) VALUES (%s, %s, %s) RETURNING id"
        self._database.rows(query, host, shape.key, hit)
        if not hit:
            self.know(host, shape)

    def happened(self, host: str, kind: Event, seconds: float = 0.0) -> None:
        """Write down, for the metrics, that one was made or could not be, or was unclean when it was claimed."""
        query = "INSERT INTO warm_event (host, kind, seconds) VALUES (%s, %s, %s) RETURNING id"
        self._database.rows(query, host, kind, seconds)

    def know(self, host: str, shape: Shape, minimum: int | None = None) -> None:
        """Have a shape kept: by demand, or at least so many of it."""
        query = """INSERT INTO warm_shape (host, key, shape, minimum) VALUES (%s, %s, %s, %s)
            ON CONFLICT (host, key) DO UPDATE SET minimum = coalesce(excluded.minimum, warm_shape.minimum) RETURNING key"""
        self._database.rows(query, host, shape.key, Jsonb(shape.model_dump(mode="json")), minimum)

    def set_minimum(self, key: str, minimum: int | None) -> bool:
        """Set how many of a shape are kept at least; None follows the demand again. False for no such shape."""
        query = "UPDATE warm_shape SET minimum = %s WHERE starts_with(key, %s) RETURNING key"
        return bool(self._database.rows(query, minimum, key))

    def reserve(self, host: str, shape: Shape, rules: PoolRules, target: int) -> Slot | None:
        """Take the right to make one more, within all limits; None when there are enough, or too many in the making.

        One process decides at a time.
        """
        name = f"e-{secrets.token_hex(6)}"
        values = (name, host, shape.key, Jsonb(shape.model_dump(mode="json")), MAKING_SECONDS)
        limits = (host, rules.at_once, host, rules.total, host, shape.key, target)
        with self._database.transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('devctl.pool:' || %s, 0))", [host])
            row = connection.execute(_RESERVE.encode(), (*values, *limits)).fetchone()
        return _slot(row) if row else None

    def ready(self, slot: Slot, container: str, baseline: Sequence[str], paused: bool) -> None:
        """Say that one can be claimed."""
        query = """UPDATE warm SET state = 'ready', container = %s, baseline = %s, paused = %s, deadline = NULL,
            made = now() WHERE name = %s AND state = 'making' RETURNING name"""
        self._database.rows(query, container, Jsonb(list(baseline)), paused, slot.name)

    def spoil(self, slot: Slot, why: str) -> None:
        """Say that one must not be handed out, and is to be removed."""
        query = "UPDATE warm SET state = 'spoilt', why = %s, deadline = NULL WHERE name = %s RETURNING name"
        self._database.rows(query, why, slot.name)

    def forget(self, slot: Slot) -> None:
        """Remove the row of one whose container is gone."""
        self._database.rows("DELETE FROM warm WHERE name = %s RETURNING name", slot.name)

    def slots(self, host: str | None = None) -> list[Slot]:
        """All of them, oldest first."""
        query = f"SELECT {_FIELDS} FROM warm WHERE %s::text IS NULL OR host = %s ORDER BY made, name"  # noqa: S608 - our own field names
        return [_slot(row) for row in self._database.rows(query, host, host)]

    def abandoned(self, host: str) -> list[Slot]:
        """Those whose maker or claimer died: a kept environment's claim counts as taken over by its row."""
        query = f"""SELECT {_FIELDS} FROM warm WHERE host = %s AND deadline < now() AND NOT EXISTS
            (SELECT FROM environment WHERE container = warm.container AND phase NOT IN ('failed', 'removed'))"""  # noqa: S608 - our own field names
        return [_slot(row) for row in self._database.rows(query, host)]

    def wanted(self, rules: PoolRules) -> list[Wanted]:
        """How many there should be of each shape: as many as the busiest stretch of the last period asked for."""
        values = (rules.period_seconds, rules.burst_seconds, rules.maximum, rules.minimum)
        return [Wanted.model_validate(row) for row in self._database.rows(_WANTED, *values)]

    def surplus(self, host: str, key: str, count: int) -> list[Slot]:
        """Take so many out of those that can be claimed, the oldest first."""
        query = f"""UPDATE warm SET state = 'spoilt', why = 'more than are wanted' WHERE name IN
            (SELECT name FROM warm WHERE host = %s AND key = %s AND state = 'ready' ORDER BY made LIMIT %s
             FOR UPDATE SKIP LOCKED) RETURNING {_FIELDS}"""  # noqa: S608 - our own field names
        return [_slot(row) for row in self._database.rows(query, host, key, max(0, count))]

    def tidy(self, rules: PoolRules) -> None:
        """Remove demand that is no longer looked at, and shapes without any."""
        old = "DELETE FROM warm_demand WHERE at < now() - make_interval(secs => %s) RETURNING id"
        self._database.rows(old, 2 * rules.period_seconds)
        self._database.rows("DELETE FROM warm_event WHERE at < now() - interval '1 day' RETURNING id")
        unused = """DELETE FROM warm_shape AS shape WHERE minimum IS NULL AND NOT EXISTS
            (SELECT FROM warm_demand WHERE (warm_demand.host, warm_demand.key) = (shape.host, shape.key))
            AND NOT EXISTS (SELECT FROM warm WHERE (warm.host, warm.key) = (shape.host, shape.key)) RETURNING key"""
        self._database.rows(unused)


def _slot(row: DictRow) -> Slot:
    return Slot.model_validate(row)
