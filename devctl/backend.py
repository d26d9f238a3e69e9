"""The small interface that the backends share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from devctl.gateway import Gateway
from devctl.records import (
    Command,
    EnvironmentInfo,
    ExecResult,
    LaunchRequest,
    Prepared,
    PrepareRequest,
    Record,
)
from devctl.serving import Served


class Usability(Record):
    """Whether a backend works on this machine, and why not."""

    backend: str
    usable: bool
    reason: str = ""
    """What is in the way."""
    hint: str = ""
    """What to install, start or set."""
    notes: tuple[str, ...] = ()
    """What is weaker here than it could be."""


class Box(Protocol):
    """One environment as its backend holds it."""

    @property
    def info(self) -> EnvironmentInfo:
        """What the environment is."""

    @property
    def workdir(self) -> str:
        """The work folder, as commands see it."""

    @property
    def host_folder(self) -> Path | None:
        """The work folder on this host, where the backend shares one."""

    def run(self, command: Command) -> ExecResult:
        """Run a command to its end."""

    def put(self, source: Path, target: str) -> None:
        """Copy a file or folder of this host into the work folder."""

    def get(self, source: str, target: Path) -> tuple[str, ...]:
        """Copy a file or folder out; returns what was left out: links that lead out, devices, sockets."""

    def serve(self, argv: Sequence[str], port: int, seconds: float) -> Served:
        """Start a server inside and give it an address on this host's loopback."""

    def gateway(self, port: int) -> tuple[Gateway, tuple[str, ...]]:
        """Open a way to a port of this host; returns it with the words that go before a command that may use it."""

    def destroy(self) -> None:
        """End all processes and remove everything; safe to repeat."""


class Backend(Protocol):
    """A way to make environments."""

    @property
    def name(self) -> str:
        """The name that settings and records know it by."""

    def prepare(self, request: PrepareRequest) -> Prepared:
        """Install the dependencies of a tree, or find them in the cache."""

    def launch(self, request: LaunchRequest) -> Box:
        """Make an environment."""

    def running(self) -> list[EnvironmentInfo]:
        """The environments of this home that this backend made."""

    def remove(self, name: str) -> None:
        """Stop an environment of any process."""

    def reap(self) -> list[str]:
        """Remove the environments whose owner is gone; returns their names."""

    def prune(self) -> list[str]:
        """Remove cached preparations; returns what was removed."""
