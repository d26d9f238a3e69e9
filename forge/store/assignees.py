"""Who works on an issue or pull request."""

import sqlite3
from collections.abc import Sequence

from forge.records import Issue, Repository, User, allows
from forge.store import repositories
from forge.store.database import ALL, many


def of_issue(db: sqlite3.Connection, issue: Issue) -> list[User]:
    """An issue's assignees."""
    sql = "SELECT u.* FROM users u JOIN assignees a ON a.user_id = u.id WHERE a.issue_id = ? ORDER BY a.rowid"
    return many(db, User, sql, [issue.id])


def add(db: sqlite3.Connection, issue: Issue, people: Sequence[User]) -> None:
    """Assign an issue to these people too."""
    rows = [(issue.id, each.id) for each in people]
    db.executemany("INSERT OR IGNORE INTO assignees (issue_id, user_id) VALUES (?, ?)", rows)


def remove(db: sqlite3.Connection, issue: Issue, people: Sequence[User]) -> None:
    """Assign an issue to these people no longer."""
    rows = [(issue.id, each.id) for each in people]
    db.executemany("DELETE FROM assignees WHERE issue_id = ? AND user_id = ?", rows)


def possible(db: sqlite3.Connection, repo: Repository) -> list[User]:
    """To whom the issues of a repository can be assigned: those who may triage."""
    everyone = repositories.collaborators(db, repo, ALL).items
    return [each for each in everyone if allows(repositories.permission(db, repo, each), "triage")]
