"""The audit: who wanted what, when, whether it was allowed, and why not."""

from datetime import datetime

from psycopg.types.json import Jsonb
from pydantic import Field, JsonValue

from devctl.fleet.database import Connection, Database
from devctl.fleet.records import User
from devctl.records import Record


class NewLine(Record):
    """A line to be written."""

    who: str
    operation: str
    subject: str
    allowed: bool
    dry_run: bool = False
    """Whether it was allowed only because rules do not deny at present."""
    reasons: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    """The names of the rules that gave the reasons."""
    details: dict[str, JsonValue] = {}


class AuditLine(NewLine):
    """A line as it stands."""

    id: int
    at: datetime


class AuditFilter(Record):
    """Which lines are wanted; None is any."""

    who: str | None = None
    operation: str | None = None
    subject: str | None = None
    denied: bool = False
    """Only what was denied, or would have been but for a dry run."""
    since: datetime | None = None
    limit: int = Field(default=100, ge=1, le=10_000)


_INSERT = """INSERT INTO audit (who, operation, subject, allowed, dry_run, reasons, rules, details)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"""
_SELECT = """SELECT id, at, who, operation, subject, allowed, dry_run, reasons, rules, details FROM audit
    WHERE (%s::text IS NULL OR who = %s) AND (%s::text IS NULL OR operation = %s)
    AND (%s::text IS NULL OR subject = %s) AND (NOT %s OR NOT allowed OR dry_run)
    AND (%s::timestamptz IS NULL OR at >= %s) ORDER BY id DESC LIMIT %s"""


def write(connection: Connection, line: NewLine) -> None:
    """Insert a line; with the connection's transaction, if it is in one."""
    values = (line.who, line.operation, line.subject, line.allowed, line.dry_run)
    connection.execute(_INSERT, (*values, Jsonb(list(line.reasons)), list(line.rules), Jsonb(line.details)))


def read(database: Database, wanted: AuditFilter) -> list[AuditLine]:
    """Return the newest lines that fit, oldest of them first."""
    by = [wanted.who, wanted.who, wanted.operation, wanted.operation, wanted.subject, wanted.subject]
    rows = database.rows(_SELECT, *by, wanted.denied, wanted.since, wanted.since, wanted.limit)
    return [AuditLine.model_validate(row) for row in reversed(rows)]


def shown_to(user: User, wanted: AuditFilter) -> AuditFilter:
    """The filter as this user may ask: those who are no admins see what they wanted themselves."""
    return wanted if user.role == "admin" else wanted.model_copy(update={"who": user.name})


def forget(database: Database, before: datetime) -> int:
    """Remove the lines older than a moment; returns how many."""
    return len(database.rows("DELETE FROM audit WHERE at < %s RETURNING id", before))
