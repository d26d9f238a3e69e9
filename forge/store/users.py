"""Users and their tokens; a token is kept as its SHA-256 only."""

import hashlib
import secrets
import sqlite3

from forge.records import User
from forge.store.database import ALL, Listing, Page, insert, listing, now, one

TOKEN_PREFIX = "ghp_"  # noqa: S105 - a prefix, not a secret


def digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def create(db: sqlite3.Connection, login: str, email: str | None = None, *, site_admin: bool = False) -> User:
    """Add a user; the login must be free."""
    key = insert(db, "users", login=login, name=login, email=email, site_admin=site_admin, created_at=now())
    return by_id(db, key)


def by_id(db: sqlite3.Connection, key: int) -> User:
    """The user with this id, who must exist."""
    found = one(db, User, "SELECT * FROM users WHERE id = ?", [key])
    if found is None:
        raise LookupError(f"no user has id {key}")
    return found


def by_login(db: sqlite3.Connection, login: str) -> User | None:
    """The user with this login in any case, or None."""
    return one(db, User, "SELECT * FROM users WHERE login = ?", [login])


def listed(db: sqlite3.Connection, page: Page = ALL) -> Listing[User]:
    """All users by id."""
    return listing(db, User, "SELECT * FROM users ORDER BY id", [], page)


def issue_token(db: sqlite3.Connection, user: User, note: str = "") -> tuple[int, str]:
    """Make a token; its text is returned here and never again."""
    token = TOKEN_PREFIX + secrets.token_hex(18)
    key = insert(db, "tokens", user_id=user.id, digest=digest(token), note=note, created_at=now())
    return key, token


def adopt_token(db: sqlite3.Connection, user: User, token: str, note: str) -> None:
    """Make a token chosen by the operator the only one under this note."""
    db.execute("DELETE FROM tokens WHERE user_id = ? AND note = ?", [user.id, note])
    db.execute("DELETE FROM tokens WHERE digest = ?", [digest(token)])
    insert(db, "tokens", user_id=user.id, digest=digest(token), note=note, created_at=now())


def revoke_tokens(db: sqlite3.Connection, user: User) -> None:
    """Make all tokens of a user useless."""
    db.execute("DELETE FROM tokens WHERE user_id = ?", [user.id])


def by_token(db: sqlite3.Connection, token: str) -> User | None:
    """Whose token this is, or None."""
    return by_token_digest(db, digest(token))


def by_token_digest(db: sqlite3.Connection, value: str) -> User | None:
    """Whose token has this digest, or None."""
    sql = "SELECT users.* FROM users JOIN tokens ON tokens.user_id = users.id WHERE tokens.digest = ?"
    return one(db, User, sql, [value])
