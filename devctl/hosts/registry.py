"""The hosts in the database: where they are, whether they take anything, how they answered."""

from typing import Any

from psycopg import errors
from psycopg.types.json import Jsonb

from devctl.errors import NameTaken, NoSuchHost
from devctl.fleet.database import Database
from devctl.fleet.records import Host
from devctl.hosts.engine import HostFacts
from devctl.records import Record

FAILURES = 3
"""In a row; then the circuit opens and the host is left alone for a while."""
FIRST_SECONDS, MOST_SECONDS = 15.0, 600.0
"""How long the circuit stays open at first, doubling up to the most."""
TRIAL_SECONDS = 30.0
"""How long others wait for the one that tries a host again."""
_FIELDS = "name, address, tls, draining, max_environments, labels, seconds"
_STATE = """failures, failure, facts, extract(epoch FROM now() - measured) AS age,
    greatest(0, extract(epoch FROM broken_until - now())) AS closed_for"""


class HostState(Record):
    """A host and how it answered."""

    host: Host
    facts: HostFacts | None = None
    """As last measured."""
    age: float | None = None
    """Seconds since then."""
    failures: int = 0
    """In a row."""
    failure: str = ""
    """The words of the last one."""
    closed_for: float = 0.0
    """Seconds for which it is left alone."""
    environments: int = 0
    """How many are on it; counted where hosts are listed."""


class HostRegistry:
    """The table of hosts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, host: Host) -> None:
        """Write a host down; raises NameTaken."""
        values = host.model_dump(mode="json")
        query = f"""INSERT INTO host ({_FIELDS}) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING name"""  # noqa: S608 - our own field names
        try:
            self._database.rows(
                query,
                *(Jsonb(values[field]) if field == "labels" else values[field] for field in _FIELDS.split(", ")),
            )
        except errors.UniqueViolation as error:
            raise NameTaken(
                f"a host is called {host.name!r} already", "choose another name, or remove that one"
            ) from error

    def all(self) -> list[HostState]:
        """All hosts, by name."""
        query = f"SELECT {_FIELDS}, {_STATE} FROM host ORDER BY name"  # noqa: S608 - our own field names
        return [_state(row) for row in self._database.rows(query)]

    def find(self, name: str) -> HostState | None:
        """The host of that name."""
        query = f"SELECT {_FIELDS}, {_STATE} FROM host WHERE name = %s"  # noqa: S608 - our own field names
        rows = self._database.rows(query, name)
        return _state(rows[0]) if rows else None

    def drain(self, name: str, draining: bool) -> None:
        """Have it take nothing new, or take that back; raises NoHost."""
        query = "UPDATE host SET draining = %s WHERE name = %s RETURNING name"
        if not self._database.rows(query, draining, name):
            raise no_host(name)

    def remove(self, name: str) -> None:
        """Forget a host; raises NoHost."""
        if not self._database.rows("DELETE FROM host WHERE name = %s RETURNING name", name):
            raise no_host(name)

    def measured(self, name: str, facts: HostFacts) -> None:
        """Write down what was measured."""
        query = "UPDATE host SET facts = %s, measured = now() WHERE name = %s RETURNING name"
        self._database.rows(query, Jsonb(facts.model_dump(mode="json")), name)

    def answered(self, name: str) -> None:
        """Close its circuit."""
        query = """UPDATE host SET failures = 0, failure = '', broken_until = NULL
            WHERE name = %s AND failures > 0 RETURNING name"""
        self._database.rows(query, name)

    def failed(self, name: str, words: str) -> None:
        """Count a failure; the last one of a row opens the circuit, each further one for twice as long."""
        query = """UPDATE host SET failures = failures + 1, failure = %s, broken_until = CASE
            WHEN failures + 1 < %s THEN NULL
            ELSE now() + make_interval(secs => least(%s, %s * power(2, least(20, failures + 1 - %s)))) END
            WHERE name = %s RETURNING name"""
        self._database.rows(query, words[:500], FAILURES, MOST_SECONDS, FIRST_SECONDS, FAILURES, name)

    def may_try(self, name: str) -> bool:
        """Whether a host may be asked now; when its circuit has been open long enough, one asker alone may try."""
        query = """UPDATE host SET broken_until = now() + make_interval(secs => %s)
            WHERE name = %s AND broken_until <= now() RETURNING name"""
        if self._database.rows(query, TRIAL_SECONDS, name):
            return True
        return not self._database.rows("SELECT 1 FROM host WHERE name = %s AND broken_until > now()", name)


def no_host(name: str) -> NoSuchHost:
    """The error for a name that is none."""
    return NoSuchHost(f"no host is called {name!r}", "`devctl hosts ls` lists them")


def _state(row: dict[str, Any]) -> HostState:
    fields = {name: row[name] for name in _FIELDS.split(", ")}
    return HostState(
        host=Host.model_validate(fields), facts=HostFacts.model_validate(row["facts"]) if row["facts"] else None,
        age=None if row["age"] is None else float(row["age"]), failures=row["failures"], failure=row["failure"],
        closed_for=float(row["closed_for"] or 0),
    )  # fmt: skip
