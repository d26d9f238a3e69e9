"""What is wanted of a tunnel, and what is recorded of it."""

from datetime import datetime, timedelta
from pathlib import Path

from pydantic import Field

from devctl.records import Record


class TunnelWish(Record):
    """A tunnel as it is wanted."""

    port: int = Field(ge=1, le=65_535)
    """The port inside."""
    host: str = "127.0.0.1"
    """Where it listens on this machine."""
    local: int = Field(default=0, ge=0, le=65_535)
    """The port of this machine; 0 takes any that is free."""
    names: tuple[str, ...] = ()
    """More names and addresses by which it is called."""
    ttl: timedelta = Field(default=timedelta(hours=8), gt=timedelta(0), le=timedelta(days=90))


class Tunnel(Record):
    """A tunnel as it is listed; its token is nowhere."""

    id: str
    environment: str
    """Name of the environment."""
    owner: str
    """Whose environment it is."""
    opened_by: str
    port: int
    """The port inside."""
    address: str
    """The link without its token."""
    created: datetime
    expires: datetime
    closed: datetime | None = None
    why: str = ""
    """Why it was closed."""
    bytes_in: int = 0
    """What came for the program inside."""
    bytes_out: int = 0


class OpenTunnel(Tunnel):
    """A tunnel as it is shown to somebody."""

    link: str = ""
    """The whole link, for who opened it, from the program that serves it; it is a password."""


class Beat(Record):
    """What the row says to the tunnel's program."""

    closed: bool
    expired: bool
    why: str
    phase: str
    """Of the environment."""


class Trust(Record):
    """Whom programs and browsers are to trust for links."""

    certificate: Path
    """A file of this machine with the authority's certificate, in PEM."""
    permitted: tuple[str, ...]
    """The names and networks for which it is good: programs refuse it for any other."""
    new: bool = False
    """Whether it was made just now, and is to be trusted anew."""
