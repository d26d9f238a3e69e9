"""The audit: what a role did at the door, kept with its turn."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import JsonValue

from agents.crew import TurnContext
from agents.database import as_json
from tools.dispatch import AuditEvent


def audit_into(context: TurnContext) -> Callable[[AuditEvent], None]:
    """Return what writes a door's events to the audit of a turn."""

    def keep(event: AuditEvent) -> None:
        values: list[JsonValue] = [event.who, event.tool, event.arguments_digest, event.decision]
        with context.crew.database.connection() as connection:
            connection.execute(
                "INSERT INTO audit (turn, who, tool, arguments_digest, decision, reasons, outcome, seconds)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [context.turn.id, *values, as_json(list(event.reasons)), event.outcome, event.seconds],
            )

    return keep
