"""The tokens of the service: shown once, kept as digests, compared in constant time."""

import hashlib
import hmac
import secrets
import threading
import time
from datetime import datetime

from psycopg.rows import DictRow
from pydantic import Field

from devctl.errors import NoSuchResource, TokenRefused
from devctl.fleet.database import Database
from devctl.fleet.records import Role, User
from devctl.records import Record

PREFIX = "dvt"
SECRET_BYTES = 32
_FIELDS = "id, user_name, tier, role, note, created, expires, used"
_INSERT = f"""INSERT INTO token (id, digest, user_name, tier, role, note, expires)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING {_FIELDS}"""  # noqa: S608 - our own field names
_KNOWN_SECONDS = 5.0
"""How long a verified token is believed without asking the database: scrapes come many times a second."""
_MOST_KNOWN = 1_000
_MOST_FAMILIAR = 100_000
"""Digests of tokens remembered as good once; all are forgotten beyond."""
_NOBODY = hashlib.sha256(secrets.token_bytes(SECRET_BYTES)).digest()
_HINT = "make one with `devctl token add USER`, and send it as `Authorization: Bearer TOKEN`"


class Token(Record):
    """A token as it is listed; its secret part is nowhere."""

    id: str
    user: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")
    tier: str
    role: Role
    note: str = ""
    created: datetime
    expires: datetime | None = None
    used: datetime | None = None
    """Last use, to the minute."""


class NewToken(Record):
    """A token that was just made."""

    token: Token
    secret: str
    """What the caller sends; it cannot be shown again."""


class Tokens:
    """The tokens in the database; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, tuple[float, User]] = {}
        self._familiar: set[bytes] = set()
        self._lock = threading.Lock()

    def add(self, user: User, expires: datetime | None = None, note: str = "") -> NewToken:
        """Make a token for a user with a tier and a role."""
        identity, secret = secrets.token_hex(4), secrets.token_urlsafe(SECRET_BYTES)
        rows = self._database.rows(
            _INSERT,
            *(identity, digest_of(secret), user.name, user.tier, user.role, note, expires),
        )
        return NewToken(token=_token(rows[0]), secret=f"{PREFIX}_{identity}_{secret}")

    def listed(self) -> list[Token]:
        """All tokens, oldest first."""
        return [_token(row) for row in self._database.rows(f"SELECT {_FIELDS} FROM token ORDER BY created, id")]  # noqa: S608 - our own field names

    def remove(self, identity: str) -> None:
        """Take a token back; other services believe it for a few seconds more. Raises NoSuchResource."""
        if not self._database.rows("DELETE FROM token WHERE id = %s RETURNING id", identity):
            raise NoSuchResource(f"no token has the id {identity!r}", "`devctl token ls` lists them")
        with self._lock:
            self._known.clear()

    def verify(self, given: str) -> User:
        """Return whose token it is; raises TokenRefused, for every reason in the same words."""
        whole = digest_of(given)
        with self._lock:
            until, user = self._known.get(whole, (0.0, None))
        if user is not None and time.monotonic() < until:
            return user
        user = self._looked_up(given)
        with self._lock:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[whole] = (time.monotonic() + _KNOWN_SECONDS, user)
            if len(self._familiar) >= _MOST_FAMILIAR:
                self._familiar.clear()
            self._familiar.add(whole)
        return user

    def is_familiar(self, given: str) -> bool:
        """Whether `verify` knew this token since the service began; it may have been taken back since."""
        with self._lock:
            return digest_of(given) in self._familiar

    def recall(self, digest: bytes) -> User | None:
        """Whose token has this digest, if `verify` would answer for it without the database."""
        with self._lock:
            until, user = self._known.get(digest, (0.0, None))
        return user if time.monotonic() < until - 0.1 else None

    def _looked_up(self, given: str) -> User:
        prefix, _, rest = given.partition("_")
        identity, _, secret = rest.partition("_")
        # a NUL byte is nothing that the database takes, and no id has one
        rows = [] if "\0" in identity else self._database.rows(
            "SELECT digest, user_name, tier, role, coalesce(expires <= now(), false) AS late FROM token WHERE id = %s",
            identity,
        )  # fmt: skip
        stored = bytes(rows[0]["digest"]) if rows else _NOBODY
        same = hmac.compare_digest(stored, digest_of(secret))
        if not (same and rows and prefix == PREFIX) or rows[0]["late"]:
            raise TokenRefused("the token is not known here, or it has expired", _HINT)
        self._database.rows(
            "UPDATE token SET used = date_trunc('minute', now()) WHERE id = %s"
            " AND used IS DISTINCT FROM date_trunc('minute', now()) RETURNING id",
            identity,
        )
        row = rows[0]
        return User(name=row["user_name"], tier=row["tier"], role=row["role"])


def missing_token() -> TokenRefused:
    """The error for a request that brings none."""
    return TokenRefused("this needs a token", _HINT)


def digest_of(text: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _token(row: DictRow) -> Token:
    return Token.model_validate({("user" if name == "user_name" else name): value for name, value in row.items()})
