"""What is recorded of a tunnel."""

from datetime import datetime

from devctl.records import Record


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
