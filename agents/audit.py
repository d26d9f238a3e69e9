"""The audit: who wanted what, what was decided and why, in one table for all of a delivery.

Each call through the door leaves a row. What is decided elsewhere (a plan, a whole change, a comment of somebody who
may not steer, a push) leaves one as well, written once however often the same thing is met again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter

from agents.database import Database, as_json
from agents.threads import Record
from tools.dispatch import AuditDecision, AuditEvent

WORDS = 2_000
"""Characters kept of an outcome, and of each reason."""


class AuditRow(Record):
    """One row of the audit."""

    at: datetime
    thread: str
    """The feature or task that it concerns."""
    turn: str | None
    """`feature/task/role/round`; None for what was decided outside a turn."""
    who: str
    """A role of the team, or the login of a person."""
    tool: str
    """The tool's name, or in one or two words what was wanted: `change`, `plan`, `comment`, `review`, `push`."""
    decision: AuditDecision
    reasons: tuple[str, ...]
    outcome: str
    arguments_digest: str

    @property
    def refused(self) -> bool:
        """Whether it was not carried out: denied by policy, or refused for what it was."""
        return self.decision == "denied" or self.outcome.startswith(("refused: ", "stopped: "))


ROWS: TypeAdapter[list[AuditRow]] = TypeAdapter(list[AuditRow])


class Audit:
    """The table of audit events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(
        self,
        event: AuditEvent,
        thread: str,
        turn: int | None = None,
        key: str | None = None,
        soon: bool = False,
    ) -> None:
        """Add a row; with a key, only where the thread has none with that key yet.

        With ``soon`` it is on disk with the next row that somebody waits for, such as the turn's next journaled reply.
        """
        with self._database.connection() as connection:
            connection.execute(
                "INSERT INTO audit (thread, turn, key, who, tool, arguments_digest, decision, reasons, outcome, seconds)"
                " SELECT %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s"
                " FROM set_config('synchronous_commit', CASE WHEN %s THEN 'off' ELSE current_setting('synchronous_commit')"
                " END, true) ON CONFLICT (thread, key) DO NOTHING",
                [
                    thread,
                    turn,
                    key,
                    _storable(event.who),
                    _storable(event.tool),
                    event.arguments_digest,
                    event.decision,
                    as_json([reason[:WORDS] for reason in event.reasons]),
                    _storable(event.outcome[:WORDS]),
                    event.seconds,
                    soon,
                ],
            )

    def once(self, event: AuditEvent, thread: str, turn: int | None = None) -> None:
        """Add a row unless the very same was written before, by a poll or by a turn that was cut short."""
        parts = (str(turn), event.who, event.tool, event.arguments_digest, event.decision, *event.reasons)
        self.write(event, thread, turn, hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest())

    def of(self, threads: Sequence[str]) -> list[AuditRow]:
        """Return the rows of these threads, the oldest first."""
        rows = self._database.rows(
            "SELECT a.at, a.thread, t.key AS turn, a.who, a.tool, a.decision, a.reasons, a.outcome, a.arguments_digest"
            " FROM audit a LEFT JOIN turn t ON t.id = a.turn WHERE a.thread = ANY(%s) ORDER BY a.id",
            list(threads),
        )
        return ROWS.validate_python(rows)


def judged(
    who: str, tool: str, decision: AuditDecision, reasons: Sequence[str] = (), outcome: str = "", about: str = ""
) -> AuditEvent:
    """Return the event of something that was decided without being carried out by a tool; `about` is what it was."""
    return AuditEvent(
        who=who,
        tool=tool,
        arguments_digest=hashlib.sha256(about.encode("utf-8", "surrogatepass")).hexdigest(),
        decision=decision,
        reasons=tuple(reasons),
        outcome=outcome,
        seconds=0.0,
    )


def _storable(text: str) -> str:
    """Return the text without what PostgreSQL cannot hold."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
