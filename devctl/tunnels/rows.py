"""The rows of tunnels: opened under the owner's limit, closed by anybody who may, and asked every second."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from devctl.errors import NoSuchResource
from devctl.fleet.database import Database
from devctl.fleet.records import EnvironmentRecord, User
from devctl.records import Record
from devctl.tunnels.programs import has_died, is_here
from devctl.tunnels.records import Beat, Tunnel

log = logging.getLogger(__name__)

SILENT_SECONDS = 30
"""A tunnel whose program has said nothing for so long is closed: the program was killed."""

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('devctl.tunnels:' || %s, 0))"
_LIVE = f"tunnel.closed IS NULL AND expires > now() AND seen > now() - interval '{SILENT_SECONDS} seconds'"
_COUNT = f"SELECT count(*) AS open FROM tunnel WHERE owner = %s AND {_LIVE}"  # noqa: S608 - our own words
_INSERT = """INSERT INTO tunnel (id, environment, owner, opened_by, port, digest, address, expires, program)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_SELECT = """SELECT tunnel.id, environment.name AS environment, tunnel.owner, opened_by, port, address, tunnel.created,
    expires, closed, tunnel.why, bytes_in, bytes_out{more} FROM tunnel
    JOIN environment ON environment.id = tunnel.environment WHERE {where} ORDER BY tunnel.created, tunnel.id"""
_LIST = _SELECT.format(
    more="",
    where=f"({_LIVE} OR (%s AND closed > now() - interval '1 day')) AND (%s::text IS NULL OR tunnel.owner = %s)",
)
_FIND = _SELECT.format(more="", where="tunnel.id = %s")
_OF = _SELECT.format(more=", tunnel.environment AS of", where=f"{_LIVE} AND tunnel.environment = ANY(%s)")
_OPEN = f"""SELECT id, program, expires <= now() AS expired, NOT ({_LIVE}) AS silent FROM tunnel
    WHERE closed IS NULL ORDER BY created, id"""  # noqa: S608 - our own words
_CLOSE = """UPDATE tunnel SET closed = now(), why = %s WHERE id = %s AND closed IS NULL
    AND (%s::text IS NULL OR owner = %s) RETURNING id"""
_BEAT = """UPDATE tunnel SET seen = now(), bytes_in = %s, bytes_out = %s FROM environment
    WHERE tunnel.id = %s AND environment.id = tunnel.environment
    RETURNING closed IS NOT NULL AS closed, expires <= now() AS expired, tunnel.why, environment.phase"""


class NewTunnel(Record):
    """A tunnel that is to be written down."""

    id: str
    opened_by: str
    port: int
    digest: bytes
    """SHA-256 of the token."""
    address: str
    expires: datetime
    program: str
    """Which program serves it."""


class TunnelRows:
    """The tunnels in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: EnvironmentRecord, new: NewTunnel, ask: Callable[[int], object]) -> None:
        """Write a tunnel down when `ask`, given how many are open of the environment's owner, does not raise.

        No other of that owner is opened meanwhile.
        """
        with self._database.transaction() as connection:
            connection.execute(_ONE_AT_A_TIME, [record.owner])
            row = connection.execute(_COUNT.encode(), [record.owner]).fetchone()
            ask(int(row["open"]) if row else 0)
            values = (new.id, record.id, record.owner, new.opened_by, new.port, new.digest, new.address, new.expires)
            connection.execute(_INSERT, (*values, new.program))

    def listed(self, user: User, everybody: bool = False, ended: bool = False) -> list[Tunnel]:
        """The open tunnels to a user's environments, or all for an admin; oldest first.

        With `ended` also those that were closed within a day, which say why.
        """
        owner = None if everybody and user.role == "admin" else user.name
        return [Tunnel.model_validate(row) for row in self._database.rows(_LIST, ended, owner, owner)]

    def find(self, user: User, identity: str) -> Tunnel:
        """A tunnel to one of the user's environments, any for an admin, also one that was closed.

        Raises NoSuchResource.
        """
        found = [Tunnel.model_validate(row) for row in self._database.rows(_FIND, identity)]
        if not found or (found[0].owner != user.name and user.role != "admin"):
            raise _unknown(identity)
        return found[0]

    def of(self, environments: Iterable[str]) -> Mapping[str, tuple[Tunnel, ...]]:
        """The open tunnels by the id of their environment, oldest first; none where there are none."""
        found: dict[str, tuple[Tunnel, ...]] = {}
        for row in self._database.rows(_OF, list(environments)):
            place = str(row.pop("of"))
            found[place] = (*found.get(place, ()), Tunnel.model_validate(row))
        return found

    def close(self, user: User, identity: str) -> None:
        """Close a tunnel; its program ends within a second or two. Raises NoSuchResource."""
        owner = None if user.role == "admin" else user.name
        if not self._database.rows(_CLOSE, f"closed by {user.name}", identity, owner, owner):
            raise _unknown(identity)

    def end(self, identity: str, why: str) -> None:
        """Write down that a tunnel's program closed it; the first reason stays."""
        self._database.rows(_CLOSE, why, identity, None, None)

    def clear(self) -> tuple[str, ...]:
        """Close what programs that died have left open; returns in words which, and logs it.

        One that lives, and only could not say so for a while, is left alone.
        """
        done: list[str] = []
        for row in self._database.rows(_OPEN):
            why = _why_stale(str(row["program"]), bool(row["expired"]), bool(row["silent"]))
            if why and self._database.rows(_CLOSE, why, row["id"], None, None):
                done.append(f"closed the tunnel {row['id']}: {why}")
                log.warning("%s", done[-1])
        return tuple(done)

    def beat(self, identity: str, came: int, went: int) -> Beat | None:
        """Say that the program lives and how many bytes it has carried; None when the row is gone."""
        rows = self._database.rows(_BEAT, came, went, identity)
        return Beat.model_validate(rows[0]) if rows else None


def _why_stale(program: str, expired: bool, silent: bool) -> str:
    """Why a tunnel that stands as open is not; empty where it may well be."""
    if has_died(program):
        return "its program died"
    if expired:
        return "its time was up"
    if silent and not is_here(program):
        return f"its program said nothing for {SILENT_SECONDS} seconds"
    return ""


def _unknown(identity: str) -> NoSuchResource:
    return NoSuchResource(f"no open tunnel has the id {identity!r}", "`devctl tunnel ls` lists them")
