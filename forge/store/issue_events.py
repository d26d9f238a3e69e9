"""What was done to issues, by whom, in order."""

import sqlite3

from forge.records import Issue, IssueEvent, Label, Repository, User
from forge.store.database import ALL, Listing, Page, insert, listing, now, one


def add(db: sqlite3.Connection, issue: Issue, actor: User, event: str, label: Label | None = None) -> None:
    """Remember what somebody did to an issue."""
    insert(
        db,
        "issue_events",
        issue_id=issue.id,
        actor_id=actor.id,
        event=event,
        label_name=label.name if label else None,
        label_color=label.color if label else None,
        created_at=now(),
    )


def of_issue(db: sqlite3.Connection, issue: Issue, page: Page = ALL) -> Listing[IssueEvent]:
    """What was done to an issue, the oldest first."""
    return listing(db, IssueEvent, "SELECT * FROM issue_events WHERE issue_id = ? ORDER BY id", [issue.id], page)


def of_repository(db: sqlite3.Connection, repo: Repository, key: int) -> IssueEvent | None:
    """One event, or None when it is of no issue of this repository."""
    sql = "SELECT * FROM issue_events WHERE id = ? AND issue_id IN (SELECT id FROM issues WHERE repo_id = ?)"
    return one(db, IssueEvent, sql, [key, repo.id])
