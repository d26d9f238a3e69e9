"""What the service says to those who look after it."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from devctl.admission.audit import AuditLine
from devctl.hosts.registry import HostState
from devctl.records import Record


class AuditPage(Record):
    """Lines of the audit, oldest first."""

    items: tuple[AuditLine, ...]


class HostList(Record):
    """The hosts that were added, as they last answered."""

    items: tuple[HostState, ...]


class HostWish(Record):
    """A host to add; paths are those of the service's machine."""

    name: str = Field(max_length=64)
    address: str = Field(max_length=500)
    """`ssh://user@machine`, `tcp://machine:2376` with `tls`, or `unix:///path`."""
    tls: Path | None = None
    """Folder with ca.pem, cert.pem and key.pem."""
    max_environments: int | None = Field(default=None, ge=1)
    labels: dict[str, Annotated[str, Field(max_length=200)]] = {}
    seconds: int = Field(default=60, ge=1)
    """Time limit of one call."""


class HostQuery(Record):
    """Which state of hosts."""

    measure: bool = False
    """Measure them now, in place of showing how they last answered."""


class Prefetch(Record):
    """Which images are to be fetched to every host."""

    images: tuple[Annotated[str, Field(max_length=512)], ...] | None = Field(default=None, max_length=100)
    """None takes those of late use."""


class KeyPath(Record):
    """The key of a shape, or how it begins."""

    key: str = Field(min_length=4, max_length=64)


class ShapeSize(Record):
    """How many of a shape are kept at least."""

    minimum: int | None = Field(ge=0, le=100)
    """None follows the demand."""


class HostRemoval(Record):
    """How to forget a host."""

    force: bool = False
    """Also with environments on it; they are lost to devctl."""
