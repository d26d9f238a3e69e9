"""The records of this package: addresses, how a server is, and what a supervisor tells about itself."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Base of the records."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GraphAddress(Record):
    """One way into the graph."""

    uri: str
    """Bolt, on loopback."""
    user: str
    password: str
    database: str
    read_only: bool
    """Whether the server itself refuses every write of this user."""


class ForgeAddress(Record):
    """The local code host."""

    url: str
    api_url: str
    admin_token: str


class ServiceStatus(Record):
    """How one server is."""

    name: str
    state: Literal["running", "stopped", "failed"]
    pid: int | None = None
    """Of the supervisor."""
    address: str = ""
    restarts: int = 0
    """How often the server was started again after it died by itself."""
    detail: str = ""
    """Why it failed, or that it is starting."""


class State(Record):
    """What a supervisor writes into `run/<service>.json`; it holds no secret."""

    state: Literal["starting", "running", "failed"]
    pid: int
    child: int | None = None
    """The server's own process."""
    address: dict[str, str] = {}
    options: dict[str, str] = {}
    restarts: int = 0
    since: str
    fault: str = ""
    """The name of the error class to raise for a failure."""
    detail: str = ""
    hint: str = ""
