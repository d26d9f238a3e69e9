"""The plain admission: everybody who owns the machine may do everything; rows are inserted and things written down."""

from collections.abc import Mapping, Sequence
from typing import Literal

from psycopg.types.json import Jsonb

from devctl.fleet import rows
from devctl.fleet.database import Database
from devctl.fleet.interfaces import Operation
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, User


class PlainAdmission:
    """Asks nobody; for tests, and for a machine whose owner wants no policy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, user: User, spec: EnvironmentSpec, seconds: float) -> EnvironmentRecord:
        """Insert the row; raises NameTaken."""
        with self._database.transaction() as connection:
            record = rows.insert(connection, user, spec, seconds)
        self.audit(user, "create", record.name, True)
        return record

    def foresee(self, user: User, spec: EnvironmentSpec, ahead: Sequence[EnvironmentSpec] = ()) -> None:
        """Allow it."""

    def reserve_start(self, user: User, record: EnvironmentRecord, seconds: float) -> EnvironmentRecord:
        """Make the row `creating` again."""
        with self._database.transaction() as connection:
            again = rows.reinsert(connection, record, seconds)
        self.audit(user, "start", record.name, True)
        return again

    def decide(
        self, user: User, operation: Operation, record: EnvironmentRecord, details: Mapping[str, object] | None = None
    ) -> None:
        """Allow it."""
        self.audit(user, operation, record.name, True, (), details)

    def decide_image(
        self, user: User, operation: Literal["build", "wizard"], tag: str, base: str,
        packages: Mapping[str, Sequence[str]] | None = None, labels: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Allow it."""
        self.audit(user, operation, tag, True, (), {"base": base, "packages": dict(packages or {})})

    def confirm(self, user: User, record: EnvironmentRecord, labels: Mapping[str, str]) -> None:
        """Allow it."""

    def audit(
        self, user: User, operation: Operation, subject: str, allowed: bool,
        reasons: Sequence[str] = (), details: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        """Insert a line of the audit."""
        self._database.rows(
            "INSERT INTO audit (who, operation, subject, allowed, reasons, details) VALUES (%s, %s, %s, %s, %s, %s)"
            " RETURNING id",
            *(user.name, operation, subject, allowed, Jsonb(list(reasons)), Jsonb(dict(details or {}))),
        )
