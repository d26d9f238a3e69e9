"""Kept environments as one caller holds them, wherever they are."""

import builtins
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, Snapshot, User
from devctl.hosts.engine import ExecStream
from devctl.reaper.records import Explanation
from devctl.records import ExecResult
from devctl.sources.records import Overrides

if TYPE_CHECKING:
    from devctl.admission.audit import AuditFilter, AuditLine
    from devctl.client.nouns import Machines, Tunnels, Warm

Told = Callable[[str], None]
"""Hears how far a launch has come."""


class Environments(Protocol):
    """What one caller may do with environments: with the fleet in this process, or over a service.

    Both raise the errors of the fleet; over a service ServiceUnreachable, ServiceBusy and TokenRefused come besides.
    A context manager; safe to share between threads.
    """

    def me(self) -> User:
        """Who asks."""
        ...

    def up(self, spec: EnvironmentSpec, tree: Path | None = None, progress: Told | None = None) -> EnvironmentRecord:
        """Make an environment of a whole spec, with the files of a folder of this machine."""
        ...

    def up_source(
        self, source: str, name: str | None = None, *, overrides: Overrides | None = None, command: Sequence[str] = (),
        progress: Told | None = None,
    ) -> EnvironmentRecord:  # fmt: skip
        """Make one of an image, a git address, or a folder, a Dockerfile or a devcontainer.json of this machine.

        `command` becomes its main process.
        """
        ...

    def get(self, name: str) -> EnvironmentRecord:
        """Find an environment by its name or id; raises NoSuchEnvironment."""
        ...

    def list(self, *, all_users: bool = False, labels: Mapping[str, str] | None = None) -> list[EnvironmentRecord]:
        """The caller's environments, or all for an admin; oldest first."""
        ...

    def refresh(self) -> None:
        """Compare the phases with what the hosts say, where nobody else does."""
        ...

    def start(self, name: str, progress: Told | None = None) -> EnvironmentRecord:
        """Start a stopped or paused environment."""
        ...

    def stop(self, name: str, why: str = "", grace: float = 10.0) -> EnvironmentRecord:
        """End all that runs in it; its files stay. What does not end in `grace` seconds is killed."""
        ...

    def pause(self, name: str) -> EnvironmentRecord:
        """Freeze it."""
        ...

    def remove(self, name: str, why: str = "", force: bool = False) -> None:
        """Remove it with its files; with `force` also where its host does not answer."""
        ...

    def keep(self, name: str, until: datetime | None) -> EnvironmentRecord:
        """Have the reaper leave it alone until then; None takes that back."""
        ...

    def why(self, name: str) -> Explanation:
        """Say why it was or was not stopped as idle, and when it will be."""
        ...

    def exec(
        self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None, stdin: bytes | None = None,
        cwd: str | None = None, seconds: float | None = None, tty: bool = False,
    ) -> ExecResult:  # fmt: skip
        """Run a command to its end."""
        ...

    def open_exec(
        self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | None = None,
        tty: bool = False, size: tuple[int, int] | None = None,
    ) -> ExecStream:  # fmt: skip
        """Start a command as a stream."""
        ...

    def attached(self, name: str, progress: Told | None = None) -> str:
        """Run what its devcontainer.json wants run when somebody attaches; returns why that failed, or nothing."""
        ...

    def logs(self, name: str, follow: bool = False, since: datetime | None = None) -> Iterator[bytes]:
        """What the lifecycle commands and the main process printed; with `follow` as it comes."""
        ...

    def put(self, name: str, source: Path, target: str = ".") -> None:
        """Copy a file, or what a folder holds, into the work folder."""
        ...

    def get_files(self, name: str, source: str, target: Path) -> tuple[str, ...]:
        """Copy a file, or what a folder holds, out of the work folder; returns what was left out."""
        ...

    def connect(self, name: str, port: int) -> socket.socket:
        """Return a stream to a port inside."""
        ...

    def snapshot(self, name: str, tag: str) -> Snapshot:
        """Keep its files under a tag."""
        ...

    def restore(self, tag: str, name: str, progress: Told | None = None) -> EnvironmentRecord:
        """Make a new environment of a snapshot."""
        ...

    def snapshots(self) -> builtins.list[Snapshot]:
        """The caller's snapshots, all for an admin; oldest first."""
        ...

    def remove_snapshot(self, tag: str) -> None:
        """Remove a snapshot with its image."""
        ...

    def audit(self, wanted: "AuditFilter | None" = None) -> "builtins.list[AuditLine]":
        """Who wanted what and what was decided, oldest first; those who are no admins see what they wanted themselves."""
        ...

    @property
    def tunnels(self) -> "Tunnels":
        """HTTPS links to ports."""
        ...

    @property
    def hosts(self) -> "Machines":
        """The machines; for admins, the others hear LaunchRefused."""
        ...

    @property
    def pool(self) -> "Warm":
        """What is kept warm; over a service for admins."""
        ...

    def close(self) -> None:
        """End what it holds open."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
