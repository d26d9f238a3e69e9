"""The chronicle: what turns used and what people said, carried from the engine's tables into the roadmap.

The roadmap alone must tell what a delivery cost and how it went; the tables of the engine may be gone by then.
Everything is written by natural key, so that writing it again changes nothing.
"""

from __future__ import annotations

from psycopg.rows import DictRow
from pydantic import JsonValue

from agents.crew import ThreadContext
from graph import ModelUse, Saying, Turn

TURNS = (
    "SELECT t.id, t.thread, t.role, t.round, t.status, t.result->>'verdict' AS verdict, t.started_at,"
    " coalesce(extract(epoch FROM t.finished_at - t.started_at), 0)::float8 AS seconds"
    " FROM turn t WHERE t.thread = %s AND t.status IN ('done', 'failed', 'cancelled') AND t.started_at IS NOT NULL"
    " AND (%s::int IS NULL OR t.round = %s) ORDER BY t.id"
)
USES = (
    "SELECT j.turn, coalesce(j.reply->>'model', j.name) AS model, count(*) AS calls,"
    " sum(j.prompt_tokens)::bigint AS prompt_tokens, sum(j.completion_tokens)::bigint AS completion_tokens,"
    " sum(coalesce((j.reply->'usage'->>'cached_tokens')::bigint, 0))::bigint AS cached_tokens,"
    " sum(j.cost_usd) AS cost_usd, count(*) FILTER (WHERE j.cost_usd IS NULL) AS unpriced"
    " FROM journal j WHERE j.turn = ANY(%s) AND j.kind = 'model' AND j.reply IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
)
SAID = ("word", "approve", "edit", "replan", "budget", "retry", "stop")
"""Kinds of letter that people write."""


def turns_of(context: ThreadContext, round_: int | None = None) -> tuple[Turn, ...]:
    """Return the ended turns of this thread, of one round where it is given, with what they used."""
    database = context.crew.database
    rows = database.rows(TURNS, context.state.id, round_, round_)
    uses: dict[int, list[ModelUse]] = {}
    for row in database.rows(USES, [row["id"] for row in rows]):
        turn = row.pop("turn")
        uses.setdefault(turn, []).append(ModelUse.model_validate(row))
    return tuple(_turn(context, row, tuple(uses.get(row["id"], ()))) for row in rows)


def record_turns(context: ThreadContext, round_: int | None = None) -> None:
    """Write the ended turns of this thread to the roadmap; its task or feature must be there."""
    turns = turns_of(context, round_)
    if turns:
        context.crew.roadmap.record_turns(turns, context.change("what the turns used"))


def record_feature(context: ThreadContext) -> None:
    """Write the feature's own turns and what people have said to it since it began."""
    record_turns(context)
    rows = context.crew.database.rows(
        "SELECT key, kind, payload, created_at FROM inbox WHERE thread = %s AND kind = ANY(%s) ORDER BY id",
        context.feature,
        list(SAID),
    )
    if rows:
        sayings = [
            Saying(
                key=row["key"],
                at=row["created_at"],
                by=str(row["payload"].get("by") or "a person"),
                kind=row["kind"],
                text=_text(row["payload"]),
            )
            for row in rows
        ]
        context.crew.roadmap.record_sayings(context.feature, sayings, context.change("what people said"))


def _turn(context: ThreadContext, row: DictRow, uses: tuple[ModelUse, ...]) -> Turn:
    thread = context.state.id
    return Turn(
        id=f"{thread}/{row['role']}/{row['round']}",
        subject=thread,
        feature_id=context.feature,
        role=row["role"],
        round=row["round"],
        status=row["status"],
        verdict=row["verdict"] or "",
        started_at=row["started_at"],
        seconds=row["seconds"],
        uses=uses,
    )


def _text(payload: dict[str, JsonValue]) -> str:
    """Return what a letter says, in words."""
    drop = payload.get("drop")
    if isinstance(drop, list):
        return f"without {', '.join(str(key) for key in drop)}"
    if payload.get("cost_usd") is not None:
        return f"{payload['cost_usd']} US dollars"
    text = payload.get("text") or payload.get("yaml") or payload.get("words") or ""
    return str(text).strip()
