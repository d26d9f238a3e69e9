"""The git half of pull requests, their reviews, and the statuses of commits."""

import sqlite3
from collections.abc import Mapping, Sequence

from forge.records import Figures, Issue, Pull, Record, Repository, Review, ReviewComment, Status, User
from forge.store.database import ALL, Listing, Page, Value, insert, listing, many, now, one, update


class PullFilter(Record):
    """What a list of pull requests is narrowed and ordered by; None does not narrow."""

    state: str = "open"
    head: str | None = None
    base: str | None = None
    sort: str = "created"
    direction: str = "desc"


def create(db: sqlite3.Connection, issue: Issue, refs: Mapping[str, str], figures: Figures, *, draft: bool) -> Pull:
    """Add the git half; `refs` holds head_ref, head_sha, base_ref and base_sha."""
    known: dict[str, Value] = {**refs, **figures.model_dump()}
    insert(db, "pulls", issue_id=issue.id, repo_id=issue.repo_id, draft=draft, **known)
    return of_issue(db, issue)


def move(db: sqlite3.Connection, pull: Pull, figures: Figures, **ends: str) -> Pull | None:
    """Record new ends with their figures; None when the ends are not those of `pull` any more."""
    values = {**ends, **figures.model_dump()}
    names = ", ".join(f"{name} = ?" for name in values)
    sql = f"UPDATE pulls SET {names} WHERE issue_id = ? AND head_sha = ? AND base_sha = ?"  # noqa: S608 - names from code
    done = db.execute(sql, [*values.values(), pull.issue_id, pull.head_sha, pull.base_sha])
    return by_key(db, pull.issue_id) if done.rowcount else None


def by_key(db: sqlite3.Connection, key: int) -> Pull:
    """The git half with this key, which must exist."""
    found = one(db, Pull, "SELECT * FROM pulls WHERE issue_id = ?", [key])
    if found is None:
        raise LookupError(f"no pull request has id {key}")
    return found


def of_issue(db: sqlite3.Connection, issue: Issue) -> Pull:
    """The git half of a pull request, which must exist."""
    found = one(db, Pull, "SELECT * FROM pulls WHERE issue_id = ?", [issue.id])
    if found is None:
        raise LookupError(f"issue {issue.number} is not a pull request")
    return found


def change(db: sqlite3.Connection, pull: Pull, **values: Value) -> Pull:
    """Set columns."""
    update(db, "pulls", pull.issue_id, **values)
    found = one(db, Pull, "SELECT * FROM pulls WHERE issue_id = ?", [pull.issue_id])
    return found or pull


def listed(db: sqlite3.Connection, repo: Repository, wanted: PullFilter, page: Page = ALL) -> Listing[Issue]:
    """The pull requests that a filter lets through, as their issue halves."""
    clauses, values = ["i.repo_id = ?"], [repo.id]  # type: tuple[list[str], list[Value]]
    for column, value in (
        ("i.state", None if wanted.state == "all" else wanted.state),
        ("p.head_ref", wanted.head),
        ("p.base_ref", wanted.base),
    ):
        if value is not None:
            clauses.append(f"{column} = ?")
            values.append(value)
    order = "i.updated_at" if wanted.sort == "updated" else "i.created_at"
    way = "ASC" if wanted.direction == "asc" else "DESC"
    where = " AND ".join(clauses)
    sql = (
        f"SELECT i.* FROM issues i JOIN pulls p ON p.issue_id = i.id WHERE {where}"  # noqa: S608 - fixed parts
        f" ORDER BY {order} {way}, i.number {way}"
    )
    return listing(db, Issue, sql, values, page)


def open_for_branch(db: sqlite3.Connection, repo: Repository, branch: str) -> list[Pull]:
    """The open pull requests whose head is this branch."""
    sql = (
        "SELECT p.* FROM pulls p JOIN issues i ON i.id = p.issue_id"
        " WHERE p.repo_id = ? AND p.head_ref = ? AND i.state = 'open'"
    )
    return many(db, Pull, sql, [repo.id, branch])


def request_reviewers(db: sqlite3.Connection, pull: Pull, users: Sequence[User]) -> None:
    """Ask these people for a review."""
    for user in users:
        db.execute("INSERT OR IGNORE INTO requested_reviewers VALUES (?, ?)", [pull.issue_id, user.id])


def unrequest_reviewers(db: sqlite3.Connection, pull: Pull, users: Sequence[User]) -> None:
    """Ask these people no longer."""
    for user in users:
        db.execute("DELETE FROM requested_reviewers WHERE pull_id = ? AND user_id = ?", [pull.issue_id, user.id])


def requested_reviewers(db: sqlite3.Connection, pull: Pull) -> list[User]:
    """Who was asked and has not reviewed yet."""
    sql = "SELECT u.* FROM users u JOIN requested_reviewers q ON q.user_id = u.id WHERE q.pull_id = ?"
    return many(db, User, sql, [pull.issue_id])


def add_review(db: sqlite3.Connection, pull: Pull, author: User, values: Mapping[str, str | None]) -> Review:
    """Add a review; `values` holds body, state, commit_id and submitted_at."""
    key = insert(db, "reviews", pull_id=pull.issue_id, author_id=author.id, **values)
    found = review(db, pull, key)
    if found is None:
        raise LookupError(f"the review {key} was not stored")
    return found


def review(db: sqlite3.Connection, pull: Pull, key: int) -> Review | None:
    """The review with this id on a pull request, or None."""
    return one(db, Review, "SELECT * FROM reviews WHERE pull_id = ? AND id = ?", [pull.issue_id, key])


def reviews(db: sqlite3.Connection, pull: Pull, page: Page = ALL) -> Listing[Review]:
    """A pull request's reviews in order."""
    sql = "SELECT * FROM reviews WHERE pull_id = ? ORDER BY id"
    return listing(db, Review, sql, [pull.issue_id], page)


def change_review(db: sqlite3.Connection, found: Review, **values: Value) -> Review:
    """Set columns of a review."""
    update(db, "reviews", found.id, **values)
    return one(db, Review, "SELECT * FROM reviews WHERE id = ?", [found.id]) or found


def add_review_comment(
    db: sqlite3.Connection, pull: Pull, author: User, review_id: int | None, values: Mapping[str, Value]
) -> ReviewComment:
    """Add a remark on the diff; `values` holds the other columns but the times."""
    at = now()
    key = insert(
        db,
        "review_comments",
        pull_id=pull.issue_id,
        author_id=author.id,
        review_id=review_id,
        created_at=at,
        updated_at=at,
        **values,
    )
    found = review_comment(db, pull.repo_id, key)
    if found is None:
        raise LookupError(f"the review comment {key} was not stored")
    return found


def review_comment(db: sqlite3.Connection, repo_id: int, key: int) -> ReviewComment | None:
    """The remark with this id in a repository, or None."""
    sql = (
        "SELECT rc.* FROM review_comments rc JOIN pulls p ON p.issue_id = rc.pull_id WHERE p.repo_id = ? AND rc.id = ?"
    )
    return one(db, ReviewComment, sql, [repo_id, key])


def review_comments(db: sqlite3.Connection, pull: Pull, page: Page = ALL) -> Listing[ReviewComment]:
    """The submitted remarks on a pull request, in order."""
    sql = (
        "SELECT rc.* FROM review_comments rc LEFT JOIN reviews r ON r.id = rc.review_id"
        " WHERE rc.pull_id = ? AND (r.state IS NULL OR r.state != 'PENDING') ORDER BY rc.id"
    )
    return listing(db, ReviewComment, sql, [pull.issue_id], page)


def comments_of_review(db: sqlite3.Connection, found: Review, page: Page = ALL) -> Listing[ReviewComment]:
    """The remarks that came with one review."""
    sql = "SELECT * FROM review_comments WHERE review_id = ? ORDER BY id"
    return listing(db, ReviewComment, sql, [found.id], page)


def add_status(
    db: sqlite3.Connection, repo: Repository, sha: str, creator: User, values: Mapping[str, str | None]
) -> Status:
    """Add a report on a commit; `values` holds state, context, description and target_url."""
    key = insert(db, "statuses", repo_id=repo.id, sha=sha, creator_id=creator.id, created_at=now(), **values)
    found = one(db, Status, "SELECT * FROM statuses WHERE id = ?", [key])
    if found is None:
        raise LookupError(f"the status {key} was not stored")
    return found


def statuses(db: sqlite3.Connection, repo: Repository, sha: str, page: Page = ALL) -> Listing[Status]:
    """All reports on a commit, newest first."""
    sql = "SELECT * FROM statuses WHERE repo_id = ? AND sha = ? ORDER BY id DESC"
    return listing(db, Status, sql, [repo.id, sha], page)


def latest_statuses(db: sqlite3.Connection, repo: Repository, sha: str, page: Page = ALL) -> Listing[Status]:
    """The newest report of each context on a commit."""
    sql = (
        "SELECT * FROM statuses WHERE id IN (SELECT max(id) FROM statuses"
        " WHERE repo_id = ? AND sha = ? GROUP BY context) ORDER BY id"
    )
    return listing(db, Status, sql, [repo.id, sha], page)
