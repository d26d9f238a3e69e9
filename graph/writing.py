"""What every write of the roadmap is made of: the fence, the lock, the event."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from graph.connection import Transaction
from graph.errors import NotInRoadmap, StaleEpoch
from graph.models import Change


def now() -> str:
    """Return the time as an ISO string with its zone; `datetime()` in the query keeps the zone."""
    return datetime.now(UTC).isoformat()


def token() -> str:
    """Return a value that no other transaction writes: setting it locks the node."""
    return uuid.uuid4().hex


def pass_fence(tx: Transaction, change: Change) -> None:
    """Raise the thread's epoch; raises `StaleEpoch` when a newer holder has written."""
    if change.fence is None:
        return
    if not tx.run("fence", thread=change.fence.thread, epoch=change.fence.epoch):
        raise StaleEpoch(
            f"{change.fence.thread} has a newer holder than epoch {change.fence.epoch}", "nothing was written"
        )


def add_event(tx: Transaction, change: Change, subject: str, what: str) -> None:
    """Write that a node was changed, in the same transaction."""
    tx.run("add_event", id=token(), at=now(), who=change.who, what=what, why=change.why, subject=subject)


def locked(tx: Transaction, kind: str, node: str) -> str:
    """Lock a node and return its status."""
    found = tx.run(f"lock_{kind}", id=node, lock=token())
    if not found:
        raise NotInRoadmap(f"{node} is not in the roadmap", "look with `roadcrew cypher`")
    return str(found[0]["status"])
