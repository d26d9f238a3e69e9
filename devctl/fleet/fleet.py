"""The fleet: kept environments as their users hold them."""

import builtins
import logging
import socket
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from devctl.errors import EnvironmentGone, LaunchFailed, NoSuchEnvironment, NotRunning
from devctl.fleet.interfaces import Operation
from devctl.fleet.launching import Launching, Parts
from devctl.fleet.lifecycle import Progress
from devctl.fleet.logs import follow_logs
from devctl.fleet.printed import Printed
from devctl.fleet.reconciling import Reconciler
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, Snapshot, User
from devctl.fleet.roles import refuse_viewers
from devctl.fleet.rows import Rows
from devctl.fleet.snapshots import Snapshots
from devctl.fleet.streams import CountedStream
from devctl.hosts.engine import HOST_IMAGE, ExecRequest, ExecStream, HostEngine
from devctl.records import ExecResult
from devctl.sandbox import invalid_variables
from devctl.settings import DevctlSettings

log = logging.getLogger(__name__)

STOP_SECONDS = 10.0
"""What the main process has for ending by itself."""


def _silent(_words: str) -> None:
    """Tell nobody."""


class Fleet:
    """Makes, finds, uses and removes environments for users; a context manager; safe to share between threads.

    Users see their own environments, admins all; a viewer may look and not act. Each use asks the admission
    first and raises LaunchRefused with its reasons. An unknown name, or another's, is NoSuchEnvironment; a use of
    one that does not run is NotRunning.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rows = Rows(parts.database)
        self._launching = Launching(parts)
        self._printed = Printed(parts.database)
        self._snapshots = Snapshots(parts.database)
        self._reconciler = Reconciler(parts)

    @property
    def parts(self) -> Parts:
        """What it is made of, for the parts of devctl that work beside it."""
        return self._parts

    def installation(self) -> str:
        """The id that the containers of this installation carry."""
        return self._rows.installation()

    def up(
        self, user: User, spec: EnvironmentSpec, tree: Path | None = None, progress: Progress | None = None
    ) -> EnvironmentRecord:
        """Make an environment, put the tree into its work folder, run its lifecycle commands.

        A lifecycle command that fails leaves the environment running and says so in `why`. Raises NameTaken,
        LaunchRefused, NoHost, HostUnreachable and LaunchFailed, with nothing left.
        """
        refuse_viewers(user)
        if wrong := invalid_variables(spec.env):
            raise LaunchFailed(f"the variables {wrong} cannot be set", "use letters, digits and underscores")
        return self._launching.up(user, spec, tree, progress or _silent)

    def default_image(self, settings: DevctlSettings) -> str:
        """The image of a source that names none: under bubblewrap this machine's own system."""
        return settings.docker_image if self._parts.hosts.has_docker() else HOST_IMAGE

    def get(self, user: User, name: str) -> EnvironmentRecord:
        """Find an environment by its name or id; raises NoSuchEnvironment."""
        found = self._rows.by_name(name) or self._rows.by_id(name)
        if found is None or found.phase == "removed" or (found.owner != user.name and user.role != "admin"):
            raise NoSuchEnvironment(f"no environment is called {name!r}", "`devctl ls` lists them")
        return found

    def list(
        self, user: User, *, all_users: bool = False, labels: Mapping[str, str] | None = None
    ) -> builtins.list[EnvironmentRecord]:
        """The user's environments, or all of them for an admin, that have these labels; oldest first."""
        everybody = all_users and user.role == "admin"
        return self._rows.listed(None if everybody else user.name, labels or {})

    def refresh(self) -> None:
        """Compare the phases of all environments with what their hosts say; nothing is removed."""
        self._reconciler.refresh()

    def reconcile(self, host: str | None = None) -> builtins.list[str]:
        """Undo what crashes left, on one host or all; returns in words what was done."""
        return self._reconciler.reconcile(host)

    def undo_overdue(self) -> builtins.list[str]:
        """Undo the launches and starts of programs that died; for the background. Returns in words which."""
        return self._reconciler.undo_overdue()

    def stop_overfull(self) -> builtins.list[str]:
        """Stop the environments that wrote more than their limit; for the background. Returns in words which."""
        return self._reconciler.stop_overfull()

    def start(self, user: User, name: str, progress: Progress | None = None) -> EnvironmentRecord:
        """Start a stopped or paused environment; one that runs is left alone."""
        record = self._for(user, name, "start")
        if record.phase == "running":
            return record
        if record.phase not in ("stopped", "paused", "lost") and record.started is None:
            raise NotRunning(f"{name!r} is {record.phase}: {record.why}", "remove it and make it anew")
        return self._launching.start(user, record, progress or _silent)

    def stop(self, user: User, name: str, why: str = "", grace: float = STOP_SECONDS) -> EnvironmentRecord:
        """End all that runs in an environment; its files stay. What does not end in `grace` seconds is killed."""
        record = self._for(user, name, "stop")
        if record.phase == "stopped":
            return record
        if record.phase not in ("running", "paused", "lost"):
            raise NotRunning(f"{name!r} is {record.phase}", "`devctl rm` removes it")
        self._engine(record).stop(record, grace)
        log.info("stopped %s (%s): %s", record.name, record.id, why)
        return self._rows.move(record, "stopped", why or f"stopped by {user.name}") or record

    def pause(self, user: User, name: str, why: str = "") -> EnvironmentRecord:
        """Freeze all that runs in an environment; `start` lets it go on."""
        record = self._running(user, name, "pause")
        self._engine(record).pause(record)
        return self._rows.move(record, "paused", why or f"paused by {user.name}", only_from=("running",)) or record

    def remove(self, user: User, name: str, why: str = "", force: bool = False) -> None:
        """Remove an environment with its files. With `force` also one whose host does not answer: `reconcile`
        removes its container when the host is back."""
        record = self._for(user, name, "remove")
        self._rows.move(record, "removing", why)
        self._reconciler.take_away(record, force)
        self._rows.move(record, "removed", why or f"removed by {user.name}")
        self._printed.clear(record)
        log.info("removed %s (%s): %s", record.name, record.id, why)

    def keep(self, user: User, name: str, until: datetime | None) -> EnvironmentRecord:
        """Have the reaper leave it alone until then; None takes that back."""
        details = {"until": until.isoformat() if until else None}
        return self._rows.keep(self._for(user, name, "keep", details), until)

    def exec(
        self, user: User, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None,
        stdin: bytes | None = None, cwd: str | None = None, seconds: float | None = None, tty: bool = False,
    ) -> ExecResult:  # fmt: skip
        """Run a command to its end; at the end of its time it is ended with its children, and the status is 124."""
        request = _request(argv, env, cwd, tty).model_copy(update={"stdin": stdin, "seconds": seconds})
        record = self._running(user, name, "exec", {"argv": list(argv)})
        with self._parts.activity.session(record.id, "exec"), self._told(record):
            return self._engine(record).run(record, request)

    def open_exec(
        self, user: User, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None,
        cwd: str | None = None, tty: bool = False, size: tuple[int, int] | None = None,
    ) -> ExecStream:  # fmt: skip
        """Start a command as a stream; it counts as attached until it is closed."""
        request = _request(argv, env, cwd, tty).model_copy(update={"size": size})
        record = self._running(user, name, "attach", {"argv": list(argv)})
        with self._told(record):
            engine, session = self._engine(record), self._parts.activity.session(record.id, "attach")
            return CountedStream(lambda: engine.open(record, request), session)

    def attached(self, user: User, name: str, progress: Progress | None = None) -> str:
        """Run the commands that devcontainer.json wants run whenever somebody attaches with a shell or an editor.

        Returns why one of them failed, or nothing.
        """
        record = self._running(user, name, "attach")
        return self._launching.attached(record, progress or _silent) if record.spec.lifecycle.post_attach else ""

    def logs(self, user: User, name: str, follow: bool = False, since: datetime | None = None) -> Iterator[bytes]:
        """What the lifecycle commands printed, then what the main process prints."""
        record = self.get(user, name)
        return follow_logs(self._printed, self._parts.hosts, self._rows, record, follow, since)

    def put(self, user: User, name: str, source: Path, target: str = ".") -> None:
        """Copy a file, or what a folder holds, into the work folder; raises PathRefused."""
        record = self._running(user, name, "copy", {"target": target})
        with self._parts.activity.session(record.id, "exec"), self._told(record):
            self._engine(record).put(record, source, target)

    def get_files(self, user: User, name: str, source: str, target: Path) -> tuple[str, ...]:
        """Copy a file, or what a folder holds, out of the work folder; returns what was left out."""
        record = self._running(user, name, "copy", {"source": source})
        with self._parts.activity.session(record.id, "exec"), self._told(record):
            return self._engine(record).get(record, source, target)

    def connect(self, user: User, name: str, port: int) -> socket.socket:
        """Return a stream to a port inside, on any host; raises ServeFailed when nothing listens there."""
        if not 0 < port < 65_536:
            raise LaunchFailed(f"the port {port} is out of range", "give a port from 1 to 65535")
        record = self._running(user, name, "tunnel", {"port": port})
        self._parts.activity.note(record.id, "tunnel")
        with self._told(record):
            return self._engine(record).connect(record, port)

    def may_tunnel(self, user: User, name: str, port: int, opened: int) -> EnvironmentRecord:
        """Ask whether a tunnel may be opened beside so many of the owner's; raises what `connect` does."""
        return self._running(user, name, "tunnel", {"port": port, "open": opened})

    def snapshot(self, user: User, name: str, tag: str) -> Snapshot:
        """Keep the files of an environment under a tag; what lies in memory and in volumes is not in it."""
        record = self._for(user, name, "snapshot", {"tag": tag})
        if record.phase not in ("running", "paused", "stopped"):
            raise NotRunning(f"{name!r} is {record.phase}", "make a snapshot of one that is there")
        return self._snapshots.make(user, record, tag, self._engine(record))

    def restore(self, user: User, tag: str, name: str, progress: Progress | None = None) -> EnvironmentRecord:
        """Make a new environment of a snapshot."""
        return self.up(user, self._snapshots.spec(user, tag, name), None, progress)

    def snapshots(self, user: User) -> builtins.list[Snapshot]:
        """The user's snapshots, all for an admin; oldest first."""
        return self._snapshots.listed(user)

    def remove_snapshot(self, user: User, tag: str) -> None:
        """Remove a snapshot with its image; raises InUse, with their names, while environments are made of it."""
        refuse_viewers(user)
        found = self._snapshots.find(user, tag)
        self._snapshots.remove(user, tag, self._parts.hosts.engine(found.host))

    def close(self) -> None:
        """Return the connections to hosts and database."""
        self._parts.hosts.close()
        self._parts.database.close()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _engine(self, record: EnvironmentRecord) -> HostEngine:
        return self._parts.hosts.engine(record.host)

    def _for(
        self, user: User, name: str, operation: Operation, details: Mapping[str, object] | None = None
    ) -> EnvironmentRecord:
        refuse_viewers(user)
        record = self.get(user, name)
        self._parts.admission.decide(user, operation, record, details)
        return record

    def _running(
        self, user: User, name: str, operation: Operation, details: Mapping[str, object] | None = None
    ) -> EnvironmentRecord:
        refuse_viewers(user)
        record = self.get(user, name)
        if record.phase not in ("running", "lost"):
            words = f": {record.why}" if record.why else ""
            hint = (
                f"`devctl start {name}` starts it" if record.phase in ("stopped", "paused") else "see `devctl inspect`"
            )
            raise NotRunning(f"{name!r} is {record.phase}{words}", hint)
        self._parts.admission.decide(user, operation, record, details)
        return record

    def _told(self, record: EnvironmentRecord) -> "_Told":
        return _Told(self._reconciler, record)


class _Told:
    """Looks after an environment that is found gone in the middle of a use, so that its phase says so."""

    def __init__(self, reconciler: Reconciler, record: EnvironmentRecord) -> None:
        self._reconciler = reconciler
        self._record = record

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: object, _trace: object) -> None:
        if isinstance(error, EnvironmentGone | LaunchFailed):
            now = self._reconciler.look_after(self._record)
            if now is not None and now.phase != "running" and isinstance(error, Exception):
                raise EnvironmentGone(
                    f"{now.name!r} is {now.phase}: {now.why}",
                    f"`devctl start {now.name}` starts it, if its files are there",
                ) from error


def _request(argv: Sequence[str], env: Mapping[str, str] | None, cwd: str | None, tty: bool) -> ExecRequest:
    if not argv or not argv[0] or any("\0" in word for word in argv):
        raise LaunchFailed(f"the command {list(argv)!r} cannot be run", "give a program and its arguments")
    if wrong := invalid_variables(env or {}):
        raise LaunchFailed(f"the variables {wrong} cannot be set", "use letters, digits and underscores")
    return ExecRequest(argv=tuple(argv), env=dict(env or {}), cwd=cwd, tty=tty)
