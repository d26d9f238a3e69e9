"""The rows of tunnels: opened under the owner's limit, closed by anybody who may, and asked every second."""

from collections.abc import Callable
from datetime import datetime

from psycopg.rows import DictRow

from devctl.errors import NoSuchResource
from devctl.fleet.database import Database
from devctl.fleet.records import EnvironmentRecord, User
from devctl.records import Record
from devctl.tunnels.records import Beat, Tunnel

SILENT_SECONDS = 30
"""A tunnel whose program has said nothing for so long is closed: the program was killed."""

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('devctl.tunnels:' || %s, 0))"
_LIVE = f"closed IS NULL AND expires > now() AND seen > now() - interval '{SILENT_SECONDS} seconds'"
_COUNT = f"SELECT count(*) AS open FROM tunnel WHERE owner = %s AND {_LIVE}"  # noqa: S608 - our own words
_INSERT = """INSERT INTO tunnel (id, environment, owner, opened_by, port, digest, address, expires)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"""
_LIST = f"""SELECT tunnel.id, environment.name AS environment, tunnel.owner, opened_by, port, address, tunnel.created,
    expires, closed, tunnel.why, bytes_in, bytes_out FROM tunnel JOIN environment ON environment.id = tunnel.environment
    WHERE {_LIVE} AND (%s::text IS NULL OR tunnel.owner = %s) ORDER BY tunnel.created, tunnel.id"""  # noqa: S608 - our own words
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
            connection.execute(_INSERT, values)

    def listed(self, user: User, everybody: bool = False) -> list[Tunnel]:
        """The open tunnels to a user's environments, or all for an admin; oldest first."""
        owner = None if everybody and user.role == "admin" else user.name
        return [_tunnel(row) for row in self._database.rows(_LIST, owner, owner)]

    def close(self, user: User, identity: str) -> None:
        """Close a tunnel; its program ends within a second or two. Raises NoSuchResource."""
        owner = None if user.role == "admin" else user.name
        if not self._database.rows(_CLOSE, f"closed by {user.name}", identity, owner, owner):
            raise NoSuchResource(f"no open tunnel has the id {identity!r}", "`devctl tunnel ls` lists them")

    def end(self, identity: str, why: str) -> None:
        """Write down that a tunnel's program closed it; the first reason stays."""
        self._database.rows(_CLOSE, why, identity, None, None)

    def beat(self, identity: str, came: int, went: int) -> Beat | None:
        """Say that the program lives and how many bytes it has carried; None when the row is gone."""
        rows = self._database.rows(_BEAT, came, went, identity)
        return Beat.model_validate(rows[0]) if rows else None


def _tunnel(row: DictRow) -> Tunnel:
    return Tunnel.model_validate(row)
