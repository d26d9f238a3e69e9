"""Repositories, who may do what in them, and the rules of their branches."""

import sqlite3

from forge.records import LEVELS, Permission, Protection, Repository, User
from forge.store.database import ALL, Listing, Page, Value, insert, listing, many, now, one, update

SELECT = "SELECT r.*, u.login AS owner FROM repositories r JOIN users u ON u.id = r.owner_id"


def create(db: sqlite3.Connection, owner: User, name: str, description: str | None, *, private: bool) -> Repository:
    """Add a repository; the name must be free for its owner."""
    at = now()
    key = insert(
        db,
        "repositories",
        owner_id=owner.id,
        name=name,
        description=description,
        private=private,
        created_at=at,
        updated_at=at,
    )
    return by_id(db, key)


def by_id(db: sqlite3.Connection, key: int) -> Repository:
    """The repository with this id, which must exist."""
    found = one(db, Repository, f"{SELECT} WHERE r.id = ?", [key])
    if found is None:
        raise LookupError(f"no repository has id {key}")
    return found


def by_name(db: sqlite3.Connection, owner: str, name: str) -> Repository | None:
    """The repository `owner/name` in any case, or None."""
    return one(db, Repository, f"{SELECT} WHERE u.login = ? AND r.name = ?", [owner, name])


def every(db: sqlite3.Connection) -> list[Repository]:
    """All repositories by id."""
    return many(db, Repository, f"{SELECT} ORDER BY r.id")


def visible(
    db: sqlite3.Connection, viewer: User | None, owner: str | None = None, page: Page = ALL
) -> Listing[Repository]:
    """The repositories that this person may read, by owner and name."""
    who = viewer.id if viewer else 0
    sql = (
        f"{SELECT} WHERE (r.private = 0 OR r.owner_id = ? OR ? OR EXISTS"  # noqa: S608 - fixed parts
        " (SELECT 1 FROM collaborators c WHERE c.repo_id = r.id AND c.user_id = ?))"
    )
    values: list[Value] = [who, bool(viewer and viewer.site_admin), who]
    if owner is not None:
        sql += " AND u.login = ?"
        values.append(owner)
    return listing(db, Repository, f"{sql} ORDER BY u.login, r.name", values, page)


def belonging(db: sqlite3.Connection, user: User, page: Page) -> Listing[Repository]:
    """The repositories that a person owns or collaborates on."""
    sql = (
        f"{SELECT} WHERE r.owner_id = ? OR EXISTS"  # noqa: S608 - fixed parts
        " (SELECT 1 FROM collaborators c WHERE c.repo_id = r.id AND c.user_id = ?) ORDER BY u.login, r.name"
    )
    return listing(db, Repository, sql, [user.id, user.id], page)


def change(db: sqlite3.Connection, repo: Repository, **values: Value) -> Repository:
    """Set columns and the time of change."""
    update(db, "repositories", repo.id, updated_at=now(), **values)
    return by_id(db, repo.id)


def delete(db: sqlite3.Connection, repo: Repository) -> None:
    """Forget a repository and all that hangs on it."""
    db.execute("DELETE FROM repositories WHERE id = ?", [repo.id])


def take_number(db: sqlite3.Connection, repo: Repository) -> int:
    """The next number of the sequence that issues and pull requests share."""
    sql = "UPDATE repositories SET next_number = next_number + 1 WHERE id = ? RETURNING next_number - 1"
    return int(db.execute(sql, [repo.id]).fetchone()[0])


def permission(db: sqlite3.Connection, repo: Repository, user: User | None) -> Permission:
    """The most that a person may do in a repository; None is a stranger."""
    if user is not None and (user.site_admin or user.id == repo.owner_id):
        return "admin"
    granted = user and granted_to(db, repo, user)
    return granted or ("none" if repo.private else "read")


def granted_to(db: sqlite3.Connection, repo: Repository, user: User) -> Permission | None:
    """What was granted to a collaborator, or None."""
    sql = "SELECT permission FROM collaborators WHERE repo_id = ? AND user_id = ?"
    row = db.execute(sql, [repo.id, user.id]).fetchone()
    return next((level for level in LEVELS if row and level == row[0]), None)


def grant(db: sqlite3.Connection, repo: Repository, user: User, level: Permission) -> None:
    """Make a person a collaborator, or change what they may do."""
    db.execute("INSERT OR REPLACE INTO collaborators VALUES (?, ?, ?)", [repo.id, user.id, level])


def withdraw(db: sqlite3.Connection, repo: Repository, user: User) -> None:
    """Take a collaborator away."""
    db.execute("DELETE FROM collaborators WHERE repo_id = ? AND user_id = ?", [repo.id, user.id])


def collaborators(db: sqlite3.Connection, repo: Repository, page: Page) -> Listing[User]:
    """The owner and everyone with a grant."""
    sql = "SELECT * FROM users WHERE id = ? OR id IN (SELECT user_id FROM collaborators WHERE repo_id = ?) ORDER BY id"
    return listing(db, User, sql, [repo.owner_id, repo.id], page)


def protection(db: sqlite3.Connection, repo: Repository, branch: str) -> Protection | None:
    """The rules of a branch, or None."""
    sql = "SELECT rules FROM protections WHERE repo_id = ? AND branch = ?"
    row = db.execute(sql, [repo.id, branch]).fetchone()
    return Protection.model_validate_json(row[0]) if row else None


def protect(db: sqlite3.Connection, repo: Repository, branch: str, rules: Protection | None) -> None:
    """Set or, with None, remove the rules of a branch."""
    if rules is None:
        db.execute("DELETE FROM protections WHERE repo_id = ? AND branch = ?", [repo.id, branch])
    else:
        values = [repo.id, branch, rules.model_dump_json()]
        db.execute("INSERT OR REPLACE INTO protections VALUES (?, ?, ?)", values)


def protected_branches(db: sqlite3.Connection, repo: Repository) -> set[str]:
    """The names of all branches with rules."""
    return {row[0] for row in db.execute("SELECT branch FROM protections WHERE repo_id = ?", [repo.id])}
