"""Issues (also the issue half of pull requests), their labels, comments and reactions."""

import sqlite3
from collections.abc import Sequence

from forge.records import Comment, Issue, Label, Milestone, Reaction, Record, Repository, User
from forge.store import repositories
from forge.store.database import ALL, Listing, Page, Value, insert, listing, many, now, one, update

_ASSIGNED = "EXISTS (SELECT 1 FROM assignees a WHERE a.issue_id = issues.id"
DEFAULT_COLOR = "ededed"


class IssueFilter(Record):
    """What a list of issues is narrowed and ordered by; None does not narrow."""

    state: str = "open"
    """`open`, `closed` or `all`."""
    labels: tuple[str, ...] = ()
    creator: str | None = None
    assignee: str | None = None
    """A login, `none` or `*`."""
    milestone: int | str | None = None
    """A number, `none` or `*`."""
    since: str | None = None
    sort: str = "created"
    direction: str = "desc"
    pulls: bool | None = None


def create(
    db: sqlite3.Connection, repo: Repository, author: User, title: str, body: str | None, *, is_pull: bool
) -> Issue:
    """Add an issue under the repository's next number."""
    at = now()
    key = insert(
        db,
        "issues",
        repo_id=repo.id,
        number=repositories.take_number(db, repo),
        title=title,
        body=body,
        author_id=author.id,
        is_pull=is_pull,
        created_at=at,
        updated_at=at,
    )
    return by_id(db, key)


def by_id(db: sqlite3.Connection, key: int) -> Issue:
    """The issue with this id, which must exist."""
    found = one(db, Issue, "SELECT * FROM issues WHERE id = ?", [key])
    if found is None:
        raise LookupError(f"no issue has id {key}")
    return found


def by_number(db: sqlite3.Connection, repo: Repository, number: int) -> Issue | None:
    """The issue or pull request with this number, or None."""
    return one(db, Issue, "SELECT * FROM issues WHERE repo_id = ? AND number = ?", [repo.id, number])


def listed(db: sqlite3.Connection, repo: Repository, wanted: IssueFilter, page: Page = ALL) -> Listing[Issue]:
    """The issues that a filter lets through."""
    clauses, values = ["repo_id = ?"], [repo.id]  # type: tuple[list[str], list[Value]]
    if wanted.state != "all":
        clauses.append("state = ?")
        values.append(wanted.state)
    if wanted.pulls is not None:
        clauses.append("is_pull = ?")
        values.append(wanted.pulls)
    if wanted.creator:
        clauses.append("author_id = (SELECT id FROM users WHERE login = ?)")
        values.append(wanted.creator)
    if wanted.assignee in ("none", "*"):
        clauses.append(f"{'NOT ' if wanted.assignee == 'none' else ''}{_ASSIGNED})")
    elif wanted.assignee:
        clauses.append(f"{_ASSIGNED} AND a.user_id = (SELECT id FROM users WHERE login = ?))")  # noqa: S608 - fixed parts
        values.append(wanted.assignee)
    if wanted.milestone in ("none", "*"):
        clauses.append(f"milestone_id IS {'' if wanted.milestone == 'none' else 'NOT '}NULL")
    elif wanted.milestone is not None:
        clauses.append(
            "milestone_id = (SELECT m.id FROM milestones m WHERE m.repo_id = issues.repo_id AND m.number = ?)"
        )
        values.append(wanted.milestone)
    if wanted.since:
        clauses.append("updated_at >= ?")
        values.append(wanted.since)
    for label in wanted.labels:
        clauses.append(
            "id IN (SELECT il.issue_id FROM issue_labels il JOIN labels l ON l.id = il.label_id"
            " WHERE l.repo_id = issues.repo_id AND l.name = ?)"
        )
        values.append(label)
    column = {"updated": "updated_at", "comments": "number"}.get(wanted.sort, "created_at")
    way = "ASC" if wanted.direction == "asc" else "DESC"
    where = " AND ".join(clauses)
    sql = f"SELECT * FROM issues WHERE {where} ORDER BY {column} {way}, number {way}"  # noqa: S608 - fixed parts
    return listing(db, Issue, sql, values, page)


def change(db: sqlite3.Connection, issue: Issue, **values: Value) -> Issue:
    """Set columns and the time of change."""
    update(db, "issues", issue.id, updated_at=now(), **values)
    return by_id(db, issue.id)


def labels_of(db: sqlite3.Connection, issue: Issue) -> list[Label]:
    """The labels that an issue carries, by name."""
    sql = "SELECT l.* FROM labels l JOIN issue_labels il ON il.label_id = l.id WHERE il.issue_id = ? ORDER BY name"
    return many(db, Label, sql, [issue.id])


def labels_under(db: sqlite3.Connection, milestone: Milestone) -> list[Label]:
    """The labels of all issues under a milestone, by name."""
    sql = (
        "SELECT DISTINCT l.* FROM labels l JOIN issue_labels il ON il.label_id = l.id"
        " JOIN issues i ON i.id = il.issue_id WHERE i.repo_id = ? AND i.milestone_id = ? ORDER BY l.name"
    )
    return many(db, Label, sql, [milestone.repo_id, milestone.id])


def set_labels(db: sqlite3.Connection, repo: Repository, issue: Issue, names: Sequence[str]) -> None:
    """Make an issue carry just these labels; unknown ones are created, as GitHub does."""
    db.execute("DELETE FROM issue_labels WHERE issue_id = ?", [issue.id])
    for name in names:
        label = label_named(db, repo, name) or create_label(db, repo, name, DEFAULT_COLOR, None)
        db.execute("INSERT OR IGNORE INTO issue_labels VALUES (?, ?)", [issue.id, label.id])


def labels(db: sqlite3.Connection, repo: Repository, page: Page = ALL) -> Listing[Label]:
    """The labels of a repository, by name."""
    return listing(db, Label, "SELECT * FROM labels WHERE repo_id = ? ORDER BY name", [repo.id], page)


def label_named(db: sqlite3.Connection, repo: Repository, name: str) -> Label | None:
    """The label with this name in any case, or None."""
    return one(db, Label, "SELECT * FROM labels WHERE repo_id = ? AND name = ?", [repo.id, name])


def create_label(db: sqlite3.Connection, repo: Repository, name: str, color: str, description: str | None) -> Label:
    """Add a label; the name must be free."""
    insert(db, "labels", repo_id=repo.id, name=name, color=color, description=description)
    found = label_named(db, repo, name)
    if found is None:
        raise LookupError(f"the label {name!r} was not stored")
    return found


def add_comment(db: sqlite3.Connection, issue: Issue, author: User, body: str) -> Comment:
    """Add a comment and mark the issue as changed."""
    at = now()
    key = insert(
        db,
        "comments",
        repo_id=issue.repo_id,
        issue_id=issue.id,
        author_id=author.id,
        body=body,
        created_at=at,
        updated_at=at,
    )
    update(db, "issues", issue.id, updated_at=at)
    found = comment(db, issue.repo_id, key)
    if found is None:
        raise LookupError(f"the comment {key} was not stored")
    return found


def comment(db: sqlite3.Connection, repo_id: int, key: int) -> Comment | None:
    """The comment with this id in a repository, or None."""
    return one(db, Comment, "SELECT * FROM comments WHERE repo_id = ? AND id = ?", [repo_id, key])


def comments_of(db: sqlite3.Connection, issue: Issue, page: Page = ALL, since: str = "") -> Listing[Comment]:
    """An issue's comments in order."""
    sql = "SELECT * FROM comments WHERE issue_id = ? AND updated_at >= ? ORDER BY id"
    return listing(db, Comment, sql, [issue.id, since], page)


def comments_in(db: sqlite3.Connection, repo: Repository, page: Page, since: str = "") -> Listing[Comment]:
    """All comments of a repository in order."""
    sql = "SELECT * FROM comments WHERE repo_id = ? AND updated_at >= ? ORDER BY id"
    return listing(db, Comment, sql, [repo.id, since], page)


def react(db: sqlite3.Connection, subject: str, key: int, user: User, content: str) -> tuple[Reaction, bool]:
    """Add a reaction; the flag says whether it is new."""
    sql = "SELECT * FROM reactions WHERE subject = ? AND subject_id = ? AND user_id = ? AND content = ?"
    values: list[Value] = [subject, key, user.id, content]
    found = one(db, Reaction, sql, values)
    if found is not None:
        return found, False
    insert(db, "reactions", subject=subject, subject_id=key, user_id=user.id, content=content, created_at=now())
    made = one(db, Reaction, sql, values)
    if made is None:
        raise LookupError("the reaction was not stored")
    return made, True


def reactions(db: sqlite3.Connection, subject: str, key: int, page: Page = ALL) -> Listing[Reaction]:
    """The reactions on one thing in order."""
    sql = "SELECT * FROM reactions WHERE subject = ? AND subject_id = ? ORDER BY id"
    return listing(db, Reaction, sql, [subject, key], page)
