"""What the work used: one node for each role's turn, one for each model that it asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from graph.connection import Connection, Row, Transaction
from graph.errors import NotInRoadmap
from graph.models import Change, Record
from graph.values import known
from graph.writing import add_event, pass_fence


class ModelUse(Record):
    """What one turn asked of one model."""

    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    """Those of the prompt tokens that the endpoint took from its cache."""
    cost_usd: float | None = None
    """US dollars of the calls whose price is known; None when none is."""
    unpriced: int = 0
    """Calls whose price is not known."""


class Turn(Record):
    """One role's work for a task, or for the whole feature."""

    id: str
    """`owner/repo/T-101/coder/1`."""
    subject: str
    """The id of the task or feature that it worked on."""
    feature_id: str
    role: str
    round: int
    status: str
    """`done`, `failed` or `cancelled`."""
    verdict: str = ""
    started_at: datetime | None = None
    seconds: float = 0.0
    """From its start to its end, waiting for the model and for commands included."""
    uses: tuple[ModelUse, ...] = ()


class FeatureSpending(Record):
    """What one feature has used."""

    feature_id: str
    title: str
    status: str
    turns: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost_usd: float | None
    unpriced: int
    seconds: float


def record_turns(tx: Transaction, turns: Sequence[Turn], change: Change) -> None:
    """Write turns and what they used; raises `NotInRoadmap` when what one worked on is not there."""
    pass_fence(tx, change)
    before = {row["id"] for row in tx.run("known_turns", ids=[turn.id for turn in turns])}
    for kind in ("task", "feature"):
        rows = [_row(turn) for turn in turns if (turn.subject == turn.feature_id) == (kind == "feature")]
        written = {row["id"] for row in tx.run(f"turns_of_{kind}", turns=rows)} if rows else set()
        missing = [row["subject"] for row in rows if row["id"] not in written]
        if missing:
            raise NotInRoadmap(f"{missing[0]} is not in the roadmap", "record it first")
    uses = [
        {"turn": turn.id, "id": f"{turn.id}/{use.model}", "fields": use.model_dump(mode="json")}
        for turn in turns
        for use in turn.uses
    ]
    if uses:
        tx.run("model_uses", uses=uses)
    for turn in turns:
        if turn.id not in before:
            add_event(tx, change, turn.id, f"turn {turn.role} {turn.round} {turn.status}")


def turns_of(connection: Connection, feature_id: str) -> tuple[Turn, ...]:
    """Return the turns of a feature and its tasks."""
    rows = connection.read("turns", feature_id=feature_id)
    found = [_turn(row) for row in rows]
    return tuple(sorted(found, key=lambda turn: (turn.started_at is None, turn.started_at, turn.id)))


def spending_by_feature(connection: Connection, repository: str | None) -> list[FeatureSpending]:
    """Return what each feature has used, by feature."""
    name = "spending" if repository is None else "spending_of_repository"
    rows = connection.read(name, **({} if repository is None else {"repository": repository}))
    return [FeatureSpending.model_validate(row) for row in rows]


def _row(turn: Turn) -> dict[str, Any]:
    fields = turn.model_dump(mode="json", exclude={"id", "uses"})
    return {"id": turn.id, "subject": turn.subject, "fields": fields}


def _turn(row: Row) -> Turn:
    uses = tuple(ModelUse.model_validate(known(use, ModelUse)) for use in row["uses"])
    fields = {key: value for key, value in known(row["turn"], Turn).items() if key != "uses"}
    return Turn.model_validate({**fields, "uses": tuple(sorted(uses, key=lambda use: use.model))})
