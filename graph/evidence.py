"""What reviews found and what people said, kept beside the work that it was about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from graph.connection import Transaction
from graph.errors import NotInRoadmap
from graph.lessons import Severity
from graph.models import Change, Record
from graph.writing import add_event, pass_fence


class Finding(Record):
    """One thing that a review found, or found still open."""

    key: str
    """For people, stable over the rounds of a task: `R-0a1b2c`."""
    path: str
    severity: Severity
    title: str
    failure: str = ""
    """Which input or situation leads to which wrong outcome."""


class Saying(Record):
    """One thing that a person said to a delivery."""

    key: str
    """By which the same saying is known again."""
    at: datetime
    by: str
    kind: str
    """`word`, `approve`, `edit`, `replan`, `budget`, `retry` or `stop`."""
    text: str = ""


def record_findings(tx: Transaction, review_id: str, findings: Sequence[Finding], change: Change) -> None:
    """Write a review's findings; raises `NotInRoadmap` when there is no such review."""
    pass_fence(tx, change)
    rows = [{"id": f"{review_id}/{finding.key}", "fields": finding.model_dump(mode="json")} for finding in findings]
    if rows and len(tx.run("review_found", review_id=review_id, findings=rows)) != len(rows):
        raise NotInRoadmap(f"{review_id} is no review of the roadmap", "record it first")
    if rows:
        add_event(tx, change, review_id, f"{len(rows)} findings")


def record_sayings(tx: Transaction, feature_id: str, sayings: Sequence[Saying], change: Change) -> None:
    """Write sayings as events of those who said them."""
    pass_fence(tx, change)
    for saying in sayings:
        tx.run(
            "add_saying",
            id=f"said:{feature_id}:{saying.key}",
            at=saying.at.isoformat(),
            who=saying.by,
            what=f"said {saying.kind}",
            why=saying.text,
            subject=feature_id,
        )
