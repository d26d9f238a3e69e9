"""Webhooks and the queue of their deliveries."""

import json
import sqlite3
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from forge.records import Delivery, Hook, Repository
from forge.store.database import ALL, Listing, Page, Value, insert, now, update


def _hook(row: sqlite3.Row) -> Hook:
    return Hook.model_validate({**dict(row), "events": json.loads(row["events"])})


def _delivery(row: sqlite3.Row) -> Delivery:
    headers = {name: json.loads(row[name]) for name in ("request_headers", "response_headers")}
    return Delivery.model_validate({**dict(row), **headers})


def create(db: sqlite3.Connection, repo: Repository, values: Mapping[str, Value]) -> Hook:
    """Add a hook; `values` holds url, secret, content_type, insecure_ssl, events (JSON) and active."""
    at = now()
    key = insert(db, "hooks", repo_id=repo.id, created_at=at, updated_at=at, **values)
    found = by_id(db, repo, key)
    if found is None:
        raise LookupError(f"the hook {key} was not stored")
    return found


def by_id(db: sqlite3.Connection, repo: Repository, key: int) -> Hook | None:
    """The hook with this id in a repository, or None."""
    row = db.execute("SELECT * FROM hooks WHERE repo_id = ? AND id = ?", [repo.id, key]).fetchone()
    return row and _hook(row)


def of_delivery(db: sqlite3.Connection, delivery: Delivery) -> Hook | None:
    """The hook that a delivery belongs to, or None when it was deleted."""
    row = db.execute("SELECT * FROM hooks WHERE id = ?", [delivery.hook_id]).fetchone()
    return row and _hook(row)


def change(db: sqlite3.Connection, hook: Hook, values: Mapping[str, Value]) -> None:
    """Set columns and the time of change."""
    update(db, "hooks", hook.id, updated_at=now(), **values)


def delete(db: sqlite3.Connection, hook: Hook) -> None:
    """Remove a hook with its deliveries."""
    db.execute("DELETE FROM hooks WHERE id = ?", [hook.id])


def of_repository(db: sqlite3.Connection, repo: Repository, page: Page = ALL) -> Listing[Hook]:
    """A repository's hooks in order."""
    total = db.execute("SELECT count(*) FROM hooks WHERE repo_id = ?", [repo.id]).fetchone()[0]
    sql = "SELECT * FROM hooks WHERE repo_id = ? ORDER BY id LIMIT ? OFFSET ?"
    rows = db.execute(sql, [repo.id, page.size, (page.number - 1) * page.size])
    return Listing([_hook(row) for row in rows], total)


def enqueue(db: sqlite3.Connection, hook: Hook, event: str, payload: Mapping[str, Any]) -> int:
    """Queue one event for one hook in the caller's transaction; returns the delivery's id."""
    return insert(
        db,
        "deliveries",
        guid=str(uuid.uuid4()),
        hook_id=hook.id,
        event=event,
        action=payload.get("action"),
        payload=json.dumps(payload, separators=(",", ":")),
        created_at=now(),
    )


def redeliver(db: sqlite3.Connection, delivery: Delivery) -> int:
    """Queue a delivery again under its old guid."""
    return insert(
        db,
        "deliveries",
        guid=delivery.guid,
        hook_id=delivery.hook_id,
        event=delivery.event,
        action=delivery.action,
        payload=delivery.payload,
        redelivery=True,
        created_at=now(),
    )


def next_waiting(db: sqlite3.Connection, busy: Collection[int] = ()) -> Delivery | None:
    """The oldest delivery that has not been tried, of a hook that is not busy."""
    marks = ", ".join("?" for _ in busy)
    first = "SELECT min(d.id) FROM deliveries d WHERE d.hook_id = h.id AND d.state = 'waiting'"
    # One look into the index for each hook, however much waits for one of them.
    oldest = f"SELECT min(first) FROM (SELECT ({first}) AS first FROM hooks h WHERE h.id NOT IN ({marks}))"  # noqa: S608 - marks
    row = db.execute(f"SELECT * FROM deliveries WHERE id = ({oldest})", list(busy)).fetchone()  # noqa: S608 - fixed text
    return row and _delivery(row)


def log_ends(db: sqlite3.Connection, most: int) -> dict[int, int]:
    """Of each hook with more than `most` sent deliveries, the newest that is one too many."""
    end = (
        "SELECT d.id FROM deliveries d WHERE d.hook_id = h.id AND d.state = 'done' ORDER BY d.id DESC LIMIT 1 OFFSET ?"
    )
    rows = db.execute(f"SELECT h.id, ({end}) AS last FROM hooks h", [most])  # noqa: S608 - fixed text
    return {row["id"]: row["last"] for row in rows if row["last"] is not None}


def sent_before(db: sqlite3.Connection, at: str, most: int) -> list[int]:
    """Up to `most` sent deliveries that were queued before a time, oldest first."""
    sql = "SELECT id FROM deliveries WHERE state = 'done' AND created_at < ? ORDER BY created_at LIMIT ?"
    return [row["id"] for row in db.execute(sql, [at, most])]


def sent_up_to(db: sqlite3.Connection, hook_id: int, last: int, most: int) -> list[int]:
    """Up to `most` sent deliveries of one hook that are not newer than this one, oldest first."""
    sql = "SELECT id FROM deliveries WHERE state = 'done' AND hook_id = ? AND id <= ? ORDER BY id LIMIT ?"
    return [row["id"] for row in db.execute(sql, [hook_id, last, most])]


def forget_deliveries(db: sqlite3.Connection, keys: Sequence[int]) -> None:
    """Remove deliveries from the log."""
    db.executemany("DELETE FROM deliveries WHERE id = ?", [(key,) for key in keys])


def record_result(db: sqlite3.Connection, delivery: Delivery, values: Mapping[str, Value]) -> None:
    """Store how a delivery went and take it off the queue."""
    update(db, "deliveries", delivery.id, state="done", delivered_at=now(), **values)


def delivery(db: sqlite3.Connection, hook: Hook, key: int) -> Delivery | None:
    """The delivery with this id, or None."""
    row = db.execute("SELECT * FROM deliveries WHERE hook_id = ? AND id = ?", [hook.id, key]).fetchone()
    return row and _delivery(row)


def deliveries(db: sqlite3.Connection, hook: Hook, page: Page) -> Listing[Delivery]:
    """A hook's deliveries, newest first."""
    total = db.execute("SELECT count(*) FROM deliveries WHERE hook_id = ?", [hook.id]).fetchone()[0]
    sql = "SELECT * FROM deliveries WHERE hook_id = ? ORDER BY id DESC LIMIT ? OFFSET ?"
    rows = db.execute(sql, [hook.id, page.size, (page.number - 1) * page.size])
    return Listing([_delivery(row) for row in rows], total)
