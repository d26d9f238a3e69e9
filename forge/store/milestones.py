"""Milestones of a repository, and what is gathered under them."""

import sqlite3

from forge.records import Issue, Milestone, Record, Repository, User
from forge.store.database import ALL, Listing, Page, Value, insert, listing, now, one, update

_DONE = (
    "(SELECT CAST(sum(i.state = 'closed') AS REAL) / count(*) FROM issues i"
    " WHERE i.repo_id = m.repo_id AND i.milestone_id = m.id)"
)


class MilestoneFilter(Record):
    """What a list of milestones is narrowed and ordered by."""

    state: str = "open"
    """`open`, `closed` or `all`."""
    sort: str = "due_on"
    """`due_on` or `completeness`."""
    direction: str = "asc"


def create(
    db: sqlite3.Connection, repo: Repository, creator: User, title: str, description: str | None, due_on: str | None
) -> Milestone:
    """Add an open milestone under the repository's next number; the title must be free."""
    sql = "UPDATE repositories SET next_milestone = next_milestone + 1 WHERE id = ? RETURNING next_milestone - 1"
    at = now()
    key = insert(
        db,
        "milestones",
        repo_id=repo.id,
        number=int(db.execute(sql, [repo.id]).fetchone()[0]),
        title=title,
        description=description,
        creator_id=creator.id,
        due_on=due_on,
        created_at=at,
        updated_at=at,
    )
    return by_id(db, key)


def by_id(db: sqlite3.Connection, key: int) -> Milestone:
    """The milestone with this id, which must exist."""
    found = one(db, Milestone, "SELECT * FROM milestones WHERE id = ?", [key])
    if found is None:
        raise LookupError(f"no milestone has id {key}")
    return found


def by_number(db: sqlite3.Connection, repo: Repository, number: int) -> Milestone | None:
    """The milestone with this number, or None."""
    return one(db, Milestone, "SELECT * FROM milestones WHERE repo_id = ? AND number = ?", [repo.id, number])


def titled(db: sqlite3.Connection, repo: Repository, title: str) -> Milestone | None:
    """The milestone with this title, or None."""
    return one(db, Milestone, "SELECT * FROM milestones WHERE repo_id = ? AND title = ?", [repo.id, title])


def listed(db: sqlite3.Connection, repo: Repository, wanted: MilestoneFilter, page: Page = ALL) -> Listing[Milestone]:
    """The milestones that a filter lets through; those without a date come last among the due."""
    way = "DESC" if wanted.direction == "desc" else "ASC"
    order = f"{_DONE} {way}" if wanted.sort == "completeness" else f"m.due_on IS NULL, m.due_on {way}"
    sql = (
        "SELECT m.* FROM milestones m WHERE m.repo_id = ? AND (? = 'all' OR m.state = ?)"  # noqa: S608 - fixed parts
        f" ORDER BY {order}, m.number {way}"
    )
    return listing(db, Milestone, sql, [repo.id, wanted.state, wanted.state], page)


def change(db: sqlite3.Connection, found: Milestone, **values: Value) -> Milestone:
    """Set columns and the time of change."""
    update(db, "milestones", found.id, updated_at=now(), **values)
    return by_id(db, found.id)


def delete(db: sqlite3.Connection, found: Milestone) -> None:
    """Remove a milestone; what was under it stays."""
    sql = "UPDATE issues SET milestone_id = NULL WHERE repo_id = ? AND milestone_id = ?"
    db.execute(sql, [found.repo_id, found.id])
    db.execute("DELETE FROM milestones WHERE id = ?", [found.id])


def count(db: sqlite3.Connection, found: Milestone, state: str) -> int:
    """How many issues and pull requests in this state are under a milestone."""
    sql = "SELECT count(*) FROM issues WHERE repo_id = ? AND milestone_id = ? AND state = ?"
    return int(db.execute(sql, [found.repo_id, found.id, state]).fetchone()[0])


def of_issue(db: sqlite3.Connection, issue: Issue) -> Milestone | None:
    """The milestone that an issue is under, or None."""
    return None if issue.milestone_id is None else by_id(db, issue.milestone_id)
