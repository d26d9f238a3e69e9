"""Environments of one user, with the fleet in this process."""

import builtins
import socket
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from devctl.fleet import open_fleet
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, Snapshot, User
from devctl.hosts.engine import ExecStream
from devctl.records import ExecResult
from devctl.settings import DevctlSettings

if TYPE_CHECKING:
    from devctl.admission.audit import AuditFilter, AuditLine
    from devctl.client.environments import Told
    from devctl.client.local_nouns import LocalMachines, LocalTunnels
    from devctl.pool.keeping import WarmKeeping
    from devctl.reaper.records import Explanation
    from devctl.sources.records import Overrides
    from policies import PolicyEngine


class LocalClient:
    """A fleet as one user holds it: the `Environments` of this machine; closing it closes the fleet."""

    def __init__(self, fleet: Fleet, user: User, settings: DevctlSettings) -> None:
        self.fleet = fleet
        self._user = user
        self._settings = settings

    def me(self) -> User:
        """Who asks."""
        return self._user

    def up(self, spec: EnvironmentSpec, tree: Path | None = None, progress: "Told | None" = None) -> EnvironmentRecord:
        """Make an environment."""
        return self.fleet.up(self._user, spec, tree, progress)

    def up_source(
        self, source: str, name: str | None = None, *, overrides: "Overrides | None" = None,
        command: Sequence[str] = (), progress: "Told | None" = None,
    ) -> EnvironmentRecord:  # fmt: skip
        """Make one of a source."""
        from devctl.fleet.sourcing import up_from_source

        return up_from_source(
            self.fleet, self._settings, self._user, source,
            name=name, overrides=overrides, command=tuple(command), progress=progress,
        )  # fmt: skip

    def get(self, name: str) -> EnvironmentRecord:
        """Find an environment."""
        return self.fleet.get(self._user, name)

    def list(self, *, all_users: bool = False, labels: Mapping[str, str] | None = None) -> list[EnvironmentRecord]:
        """The user's environments, or all for an admin; oldest first."""
        return self.fleet.list(self._user, all_users=all_users, labels=labels)

    def refresh(self) -> None:
        """Compare the phases with what the hosts say."""
        self.fleet.refresh()

    def start(self, name: str, progress: "Told | None" = None) -> EnvironmentRecord:
        """Start a stopped or paused environment."""
        return self.fleet.start(self._user, name, progress)

    def stop(self, name: str, why: str = "", grace: float = 10.0) -> EnvironmentRecord:
        """End all that runs in it; its files stay."""
        return self.fleet.stop(self._user, name, why, grace)

    def pause(self, name: str) -> EnvironmentRecord:
        """Freeze it."""
        return self.fleet.pause(self._user, name)

    def remove(self, name: str, why: str = "", force: bool = False) -> None:
        """Remove it with its files."""
        self.fleet.remove(self._user, name, why, force)

    def keep(self, name: str, until: datetime | None) -> EnvironmentRecord:
        """Have the reaper leave it alone until then."""
        return self.fleet.keep(self._user, name, until)

    def why(self, name: str) -> "Explanation":
        """Say why it counts as idle or not."""
        from devctl.reaper.reaper import Reaper

        return Reaper(self.fleet, self._settings.reaper()).explained(self.get(name))

    def exec(
        self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None, stdin: bytes | None = None,
        cwd: str | None = None, seconds: float | None = None, tty: bool = False,
    ) -> ExecResult:  # fmt: skip
        """Run a command to its end."""
        return self.fleet.exec(self._user, name, argv, env=env, stdin=stdin, cwd=cwd, seconds=seconds, tty=tty)

    def open_exec(
        self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | None = None,
        tty: bool = False, size: tuple[int, int] | None = None,
    ) -> ExecStream:  # fmt: skip
        """Start a command as a stream."""
        return self.fleet.open_exec(self._user, name, argv, env=env, cwd=cwd, tty=tty, size=size)

    def attached(self, name: str, progress: "Told | None" = None) -> str:
        """Run what is wanted when somebody attaches."""
        return self.fleet.attached(self._user, name, progress)

    def logs(self, name: str, follow: bool = False, since: datetime | None = None) -> Iterator[bytes]:
        """What the lifecycle commands and the main process printed."""
        return filter(None, self.fleet.logs(self._user, name, follow, since))

    def put(self, name: str, source: Path, target: str = ".") -> None:
        """Copy a file, or what a folder holds, into the work folder."""
        self.fleet.put(self._user, name, source, target)

    def get_files(self, name: str, source: str, target: Path) -> tuple[str, ...]:
        """Copy a file, or what a folder holds, out of the work folder."""
        return self.fleet.get_files(self._user, name, source, target)

    def connect(self, name: str, port: int) -> socket.socket:
        """Return a stream to a port inside."""
        return self.fleet.connect(self._user, name, port)

    def snapshot(self, name: str, tag: str) -> Snapshot:
        """Keep its files under a tag."""
        return self.fleet.snapshot(self._user, name, tag)

    def restore(self, tag: str, name: str, progress: "Told | None" = None) -> EnvironmentRecord:
        """Make a new environment of a snapshot."""
        return self.fleet.restore(self._user, tag, name, progress)

    def snapshots(self) -> builtins.list[Snapshot]:
        """The user's snapshots."""
        return self.fleet.snapshots(self._user)

    def remove_snapshot(self, tag: str) -> None:
        """Remove a snapshot with its image."""
        self.fleet.remove_snapshot(self._user, tag)

    def audit(self, wanted: "AuditFilter | None" = None) -> "builtins.list[AuditLine]":
        """Who wanted what and what was decided, oldest first."""
        from devctl.admission.audit import AuditFilter, read, shown_to

        return read(self.fleet.parts.database, shown_to(self._user, wanted or AuditFilter()))

    @property
    def tunnels(self) -> "LocalTunnels":
        """HTTPS links to ports, served by this process."""
        from devctl.client.local_nouns import LocalTunnels

        return LocalTunnels(self.fleet, self._user, self._settings)

    @property
    def hosts(self) -> "LocalMachines":
        """The machines."""
        from devctl.client.local_nouns import LocalMachines

        return LocalMachines(self.fleet, self._user)

    @property
    def pool(self) -> "WarmKeeping":
        """What is kept warm."""
        from devctl.pool.keeping import WarmKeeping

        return WarmKeeping(self.fleet, self._settings)

    def close(self) -> None:
        """Close the fleet."""
        self.fleet.close()

    def __enter__(self) -> "LocalClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def local_client(settings: DevctlSettings, policy: "PolicyEngine | None", user: User) -> LocalClient:
    """Open the fleet of these settings for one user."""
    return LocalClient(open_fleet(settings, policy), user, settings)
