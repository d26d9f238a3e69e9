"""The rows of environments: reading them, and moving them from phase to phase."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg import errors
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from devctl.errors import NameTaken, NoSuchEnvironment
from devctl.fleet.database import Connection, Database
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, Phase, User

_FIELDS = "id, name, owner, tier, host, container, phase, why, spec, created, started, ended, keep_until, gpu"  # all of EnvironmentRecord

_REPLACE = """UPDATE environment SET phase = 'removed', ended = now()
    WHERE name = %s AND owner = %s AND phase = 'failed' AND started IS NULL"""


def insert(connection: Connection, user: User, spec: EnvironmentSpec, seconds: float) -> EnvironmentRecord:
    """Insert the row of a new environment as `creating`, with a deadline `seconds` from now; raises NameTaken.

    A launch of the same name that failed before it ran makes room.
    """
    query = f"""INSERT INTO environment (id, name, owner, tier, host, phase, spec, keep_until, deadline)
        VALUES (%s, %s, %s, %s, '', 'creating', %s, %s, now() + make_interval(secs => %s)) RETURNING {_FIELDS}"""  # noqa: S608 - our own field names
    connection.execute(_REPLACE, (spec.name, user.name))
    values = (f"d-{secrets.token_hex(5)}", spec.name, user.name, user.tier, Jsonb(spec.model_dump(mode="json")))
    try:
        row = connection.execute(query.encode(), (*values, spec.keep_until, seconds)).fetchone()
    except errors.UniqueViolation as error:
        raise NameTaken(
            f"an environment is called {spec.name!r} already",
            f"choose another name, or remove that one with `devctl rm {spec.name}`",
        ) from error
    return _record(row)


def reinsert(connection: Connection, record: EnvironmentRecord, seconds: float) -> EnvironmentRecord:
    """Make the row of a stopped environment `creating` again, for its start."""
    query = f"""UPDATE environment SET phase = 'creating', why = '', deadline = now() + make_interval(secs => %s)
        WHERE id = %s AND phase IN ('stopped', 'failed', 'lost') RETURNING {_FIELDS}"""  # noqa: S608 - our own field names
    row = connection.execute(query.encode(), (seconds, record.id)).fetchone()
    if row is None:
        raise NoSuchEnvironment(f"{record.name!r} is not stopped any more", "`devctl ls` shows how it is")
    return _record(row)


class Rows:
    """The environments in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def by_name(self, name: str) -> EnvironmentRecord | None:
        """The environment of that name, unless it was removed."""
        found = self._select("name = %s AND phase <> 'removed'", name)
        return found[0] if found else None

    def by_id(self, identity: str) -> EnvironmentRecord | None:
        """The environment of that id, also when it was removed."""
        found = self._select("id = %s", identity)
        return found[0] if found else None

    def listed(self, owner: str | None, labels: Mapping[str, str]) -> list[EnvironmentRecord]:
        """The environments of an owner, or of all, that have these labels; oldest first."""
        return self._select(
            "phase <> 'removed' AND (%s::text IS NULL OR owner = %s) AND coalesce(spec -> 'labels', '{}') @> %s",
            *(owner, owner, Jsonb(dict(labels))),
        )

    def on_host(self, host: str) -> list[EnvironmentRecord]:
        """The environments of a host that were not removed."""
        return self._select("host = %s AND phase <> 'removed'", host)

    def overdue(self) -> list[EnvironmentRecord]:
        """Rows of launchers that died: `creating` past their deadline."""
        return self._select("phase = 'creating' AND deadline < now()")

    def move(
        self, record: EnvironmentRecord, phase: Phase, why: str = "", only_from: Sequence[Phase] = ()
    ) -> EnvironmentRecord | None:
        """Put an environment into a phase; None when it is not in one of the phases `only_from` (empty: any)."""
        query = f"""UPDATE environment SET phase = %s, why = %s, deadline = NULL,
            started = CASE WHEN %s = 'running' AND phase <> 'paused' THEN now() ELSE started END,
            ended = CASE WHEN %s IN ('stopped', 'failed', 'removed') THEN now() WHEN %s = 'running' THEN NULL
                ELSE ended END
            WHERE id = %s AND phase <> 'removed' AND (cardinality(%s::text[]) = 0 OR phase = ANY(%s))
            RETURNING {_FIELDS}"""  # noqa: S608 - our own field names
        allowed = list(only_from)
        row = self._database.rows(query, phase, why, phase, phase, phase, record.id, allowed, allowed)
        return _record(row[0]) if row else None

    def set_made(self, record: EnvironmentRecord, container: str | None, gpu: bool) -> EnvironmentRecord:
        """Write down what was made for it."""
        return self._set(record, "container = %s, gpu = %s", container, gpu)

    def set_spec(self, record: EnvironmentRecord, spec: EnvironmentSpec) -> EnvironmentRecord:
        """Write down a spec that was completed at launch, such as with notes."""
        return self._set(record, "spec = %s", Jsonb(spec.model_dump(mode="json")))

    def keep(self, record: EnvironmentRecord, until: datetime | None) -> EnvironmentRecord:
        """Set until when the reaper leaves it alone."""
        return self._set(record, "keep_until = %s", until)

    def renew(self, record: EnvironmentRecord, seconds: float) -> bool:
        """Move the deadline of a launch that goes on; False when somebody has taken it for dead or removed it."""
        query = """UPDATE environment SET deadline = now() + make_interval(secs => %s)
            WHERE id = %s AND phase = 'creating' RETURNING id"""
        return bool(self._database.rows(query, seconds, record.id))

    def installation(self) -> str:
        """The id that the containers of this installation carry."""
        return str(self._database.rows("SELECT id FROM installation")[0]["id"])

    def _select(self, condition: str, *parameters: object) -> list[EnvironmentRecord]:
        query = f"SELECT {_FIELDS} FROM environment WHERE {condition} ORDER BY created, id"  # noqa: S608 - our own words
        return [_record(row) for row in self._database.rows(query, *parameters)]

    def _set(self, record: EnvironmentRecord, assignment: str, *parameters: object) -> EnvironmentRecord:
        query = f"UPDATE environment SET {assignment} WHERE id = %s RETURNING {_FIELDS}"  # noqa: S608 - our own words
        rows = self._database.rows(query, *parameters, record.id)
        return _record(rows[0] if rows else None)


def _record(row: DictRow | None) -> EnvironmentRecord:
    if row is None:
        raise NoSuchEnvironment("the environment's row is gone", "`devctl ls` lists what is there")
    return EnvironmentRecord.model_validate(row)
