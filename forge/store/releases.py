"""Releases of a repository."""

import sqlite3
from collections.abc import Mapping

from forge.records import Release, Repository, User
from forge.store.database import Listing, Page, Value, insert, listing, now, one, update


def create(db: sqlite3.Connection, repo: Repository, author: User, values: Mapping[str, Value]) -> Release:
    """Add a release; `values` holds all other columns but the times of making and change."""
    at = now()
    key = insert(db, "releases", repo_id=repo.id, author_id=author.id, created_at=at, updated_at=at, **values)
    found = by_id(db, repo, key)
    if found is None:
        raise LookupError(f"the release {key} was not stored")
    return found


def by_id(db: sqlite3.Connection, repo: Repository, key: int) -> Release | None:
    """The release with this id in a repository, or None."""
    return one(db, Release, "SELECT * FROM releases WHERE repo_id = ? AND id = ?", [repo.id, key])


def published(db: sqlite3.Connection, repo: Repository, tag: str) -> Release | None:
    """The published release of a tag, or None."""
    sql = "SELECT * FROM releases WHERE repo_id = ? AND tag_name = ? AND draft = 0"
    return one(db, Release, sql, [repo.id, tag])


def latest(db: sqlite3.Connection, repo: Repository) -> Release | None:
    """The published release that is no prerelease and comes before all others, or None."""
    sql = (
        "SELECT * FROM releases WHERE repo_id = ? AND draft = 0 AND prerelease = 0"
        " ORDER BY precedence DESC, id DESC LIMIT 1"
    )
    return one(db, Release, sql, [repo.id])


def next_precedence(db: sqlite3.Connection, repo: Repository) -> int:
    """Higher than that of every release of a repository."""
    row = db.execute("SELECT max(precedence) FROM releases WHERE repo_id = ?", [repo.id]).fetchone()
    return int(row[0] or 0) + 1


def listed(db: sqlite3.Connection, repo: Repository, page: Page, *, drafts: bool) -> Listing[Release]:
    """A repository's releases, newest first, with or without its drafts."""
    sql = "SELECT * FROM releases WHERE repo_id = ? AND (draft = 0 OR ?) ORDER BY id DESC"
    return listing(db, Release, sql, [repo.id, drafts], page)


def change(db: sqlite3.Connection, found: Release, **values: Value) -> Release:
    """Set columns and the time of change."""
    update(db, "releases", found.id, updated_at=now(), **values)
    return one(db, Release, "SELECT * FROM releases WHERE id = ?", [found.id]) or found


def delete(db: sqlite3.Connection, found: Release) -> None:
    """Remove a release; its tag stays."""
    db.execute("DELETE FROM releases WHERE id = ?", [found.id])
