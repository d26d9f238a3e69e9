"""What a feature and one of its threads have used, and what a person allows the feature."""

from __future__ import annotations

from agents.database import Connection
from agents.journal import Spent
from agents.threads import Record

_USED = (
    "count(*) FILTER (WHERE {0}) AS {1}_calls,"
    " coalesce(sum(j.prompt_tokens + j.completion_tokens) FILTER (WHERE {0}), 0)::bigint AS {1}_tokens,"
    " coalesce(sum(j.cost_usd) FILTER (WHERE {0}), 0)::float8 AS {1}_cost"
)
_QUERY = (
    f"SELECT {_USED.format('true', 'feature')}, {_USED.format('t.thread = %(thread)s', 'thread')},"  # noqa: S608 - constants
    " (SELECT (payload->>'cost_usd')::float8 FROM inbox WHERE thread = %(feature)s AND kind = 'budget'"
    " ORDER BY id DESC LIMIT 1) AS budget"
    " FROM thread h JOIN turn t ON t.thread = h.id JOIN journal j ON j.turn = t.id AND j.kind = 'model'"
    " WHERE h.id = %(feature)s OR h.parent = %(feature)s"
).encode()


class Spending(Record):
    """What was used so far, retried attempts included."""

    feature: Spent
    """By the feature with all its tasks."""
    thread: Spent
    budget_usd: float | None
    """The cap on the feature's cost that a person set last by comment."""


def spending_of(connection: Connection, feature: str, thread: str) -> Spending:
    """Return what a feature and one of its threads have used."""
    row = connection.execute(_QUERY, {"feature": feature, "thread": thread}).fetchone()
    if row is None:
        return Spending(feature=Spent(), thread=Spent(), budget_usd=None)
    whole, part = (
        Spent(model_calls=row[f"{name}_calls"], tokens=row[f"{name}_tokens"], cost_usd=row[f"{name}_cost"])
        for name in ("feature", "thread")
    )
    return Spending(feature=whole, thread=part, budget_usd=row["budget"])
