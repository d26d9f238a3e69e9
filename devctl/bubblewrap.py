"""Environments under bubblewrap: a folder on this host and a fresh sandbox for every command."""

import logging
import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from devctl import cgroups, fitting, mounts, seccomp
from devctl.capture import Running
from devctl.errors import DevctlError, EnvironmentGone, LaunchFailed, SandboxFailed
from devctl.gateway import INSIDE_PORT, Gateway
from devctl.inside import prelude
from devctl.layers import Layers, environment_of
from devctl.records import (
    WORKDIR,
    BackendName,
    Command,
    EnvironmentInfo,
    ExecResult,
    LaunchRequest,
    Prepared,
    PrepareRequest,
)
from devctl.sandbox import Sandbox
from devctl.sandboxed_run import SandboxedRun, started
from devctl.serving import Background, Served, served_from
from devctl.settings import DevctlSettings
from devctl.standby import Standby
from devctl.store import Store
from devctl.work_folder import WorkFolder

log = logging.getLogger(__name__)

MEMORY_NOTE = "total memory is not limited, only that of each process: no control group can be made here"
PIDS_NOTE = "processes are counted for the environment's user, not by a control group"
CALLS_NOTE = "calls of the kernel are not filtered: those of this processor are not listed"
DISK_NOTE = "the size of each file is limited, not that of all files together"


class BubblewrapBox:
    """An environment under bubblewrap."""

    def __init__(self, store: Store, info: EnvironmentInfo, sandbox: Sandbox, group: cgroups.Group | None) -> None:
        self._store = store
        self._info = info
        self._sandbox = sandbox
        self._group = group
        self._folder = store.folder(info.id)
        self._work = WorkFolder(self._folder / "work", sandbox.uid, info.limits.disk_mb)
        self._standby: Standby | None = None
        self._used = False
        self._lock = threading.Lock()
        self._python = sandbox.env.get("DEVCTL_PYTHON", "python3")

    @property
    def info(self) -> EnvironmentInfo:
        return self._info

    @property
    def workdir(self) -> str:
        return WORKDIR

    @property
    def host_folder(self) -> Path | None:
        return self._folder / "work"

    def run(self, command: Command) -> ExecResult:
        self._check()
        standby = self._take_standby()
        try:
            running = standby.hand_over(command) if standby is not None and standby.usable_for(command) else None
            result = self._finish(running) if running is not None else self._run_afresh(command)
        finally:
            if standby is not None:
                standby.close()
        self._check()
        return result

    def _finish(self, running: SandboxedRun) -> ExecResult:
        try:
            self._stand_by()
        except EnvironmentGone:
            running.running.cancel()
            running.wait()
            raise
        return running.wait()

    def _run_afresh(self, command: Command) -> ExecResult:
        try:
            return self._run_in_new(command)
        except SandboxFailed:
            self._check()  # a sandbox fails when its environment is stopped while it starts
            raise

    def _run_in_new(self, command: Command) -> ExecResult:
        with started(self._sandbox, command, self._group) as running:
            note = self._note(running.running)
            try:
                # Many environments run one command only: a sandbox for the next would compete with it for nothing.
                first, self._used = not self._used, True
                return running.wait() if first else self._finish(running)
            finally:
                note.unlink(missing_ok=True)

    def _stand_by(self) -> None:
        """Lay out the sandbox of this thread's next command while the present one runs."""
        standby = Standby(self._sandbox, self._group, self._folder / "work")
        standby.note = self._note(standby.running)
        with self._lock:
            before, self._standby = self._standby, standby
        if before is not None:
            before.close()

    def _take_standby(self) -> Standby | None:
        """Return the sandbox that waits for a command of this thread; another thread's stays where it is."""
        with self._lock:
            found = self._standby
            if found is None or not found.is_mine:
                return None
            self._standby = None
            return found

    def _note(self, running: Running) -> Path:
        """Write a process down while it runs; raises EnvironmentGone, with nothing left running."""
        try:
            return self._store.note_process(self._info.id, running.process.pid)
        except EnvironmentGone:
            running.cancel()
            running.wait()
            raise

    def put(self, source: Path, target: str) -> None:
        self._work.put(source, target)

    def get(self, source: str, target: Path) -> tuple[str, ...]:
        return self._work.get(source, target)

    def serve(self, argv: Sequence[str], port: int, seconds: float) -> Served:
        path = self._folder / "run" / f"{port}.sock"
        path.unlink(missing_ok=True)
        relay = (f"{prelude.PROGRAMS}/relay.py", f"{mounts.RUN}/{path.name}", str(port))
        command = Command(argv=(self._python, "-I", *relay, *argv))
        background = Background(lambda keeper: self._keep(keeper, command), f"serve-{self._info.id}-{port}")
        return served_from(background, path, seconds)

    def gateway(self, port: int) -> tuple[Gateway, tuple[str, ...]]:
        path = self._folder / "run" / "gateway.sock"
        relay = (f"{prelude.PROGRAMS}/gateway.py", f"{mounts.RUN}/{path.name}", str(INSIDE_PORT))
        return Gateway(path, port), (self._python, "-I", *relay)

    def destroy(self) -> None:
        with self._lock:
            standby, self._standby = self._standby, None
        if standby is not None:
            standby.close()
        self._store.remove(self._info.id)
        if self._group is not None:
            self._group.remove()

    def _check(self) -> None:
        """Raise EnvironmentGone when another process stopped the environment."""
        if not self._store.exists(self._info.id):
            raise EnvironmentGone(f"the environment {self._info.id} was stopped", "launch a new one")

    def _keep(self, background: Background, command: Command) -> None:
        with started(self._sandbox, command, self._group) as running:
            note = self._store.note_process(self._info.id, running.running.process.pid)
            background.output = lambda: running.running.output.value().decode("utf-8", "replace")
            background.cancel = running.running.cancel
            background.started.set()
            try:
                running.running.wait()
            finally:
                note.unlink(missing_ok=True)


class BubblewrapBackend:
    """Makes environments under bubblewrap."""

    name: BackendName = "bubblewrap"

    def __init__(self, settings: DevctlSettings, store: Store) -> None:
        from devctl.installers import SandboxedInstaller  # what hosts of kept environments need not load
        from devctl.preparing import PartCache

        self._settings = settings
        self._store = store
        self._hierarchies = cgroups.hierarchies(counting=False)
        self._parts = PartCache(settings, store, self.name, SandboxedInstaller)
        self._layers = Layers(store)

    def prepare(self, request: PrepareRequest) -> Prepared:
        return self._parts.prepare(request)

    def launch(self, request: LaunchRequest) -> BubblewrapBox:
        if request.image is not None:
            raise LaunchFailed(
                f"the image {request.image!r} needs Docker, and this backend is bubblewrap",
                "start Docker and set DEVCTL_BACKEND=docker, or leave the image out",
            )
        with self._store.making(_folders_for(request.prepared), self.remove) as (name, folder):
            uid = self._store.take_uid(name) if os.geteuid() == 0 else None
            try:
                return self._box(request, name, folder, uid)
            except BaseException:
                self.remove(name)
                if uid is not None:
                    self._store.give_uid_back(uid, name)
                raise

    def _box(self, request: LaunchRequest, name: str, folder: Path, uid: int | None) -> BubblewrapBox:
        parts = request.prepared.parts if request.prepared else ()
        info = EnvironmentInfo(
            id=name,
            backend=self.name,
            created=datetime.now(UTC),
            owner_pid=os.getpid(),
            labels=request.labels,
            prepared=request.prepared.digest if request.prepared else None,
            parts=tuple(part.digest for part in parts),
            places=fitting.place_paths(parts),
            network=request.network,
            limits=request.limits,
            notes=self.notes(),
        )
        self._store.record(info, uid)
        give_folders(folder, uid, _folders_for(request.prepared))
        group = cgroups.make_group(name, request.limits, self._hierarchies)
        return BubblewrapBox(self._store, info, self._sandbox(request, folder, uid, group), group)

    def notes(self) -> tuple[str, ...]:
        """What is weaker here than asked for."""
        limited = {controller for hierarchy in self._hierarchies for controller in hierarchy.controllers}
        notes = [note for name, note in (("memory", MEMORY_NOTE), ("pids", PIDS_NOTE)) if name not in limited]
        if seccomp.bubblewrap_filter() is None:
            notes.append(CALLS_NOTE)
        return (*notes, DISK_NOTE)

    def running(self) -> list[EnvironmentInfo]:
        return [state.info for state in self._store.states() if state.info.backend == self.name]

    def remove(self, name: str) -> None:
        group = cgroups.find_group(name, self._hierarchies)
        self._store.remove(name)
        if group is not None:
            group.remove()

    def reap(self) -> list[str]:
        names = [state.info.id for state in self._store.leftovers() if state.info.backend == self.name]
        for name in names:
            self.remove(name)
        return names

    def prune(self) -> list[str]:
        return self._parts.prune()

    def _sandbox(self, request: LaunchRequest, folder: Path, uid: int | None, group: cgroups.Group | None) -> Sandbox:
        prepared = request.prepared
        chosen = Path(prepared.interpreter) if prepared and prepared.interpreter else request.interpreter
        interpreter = mounts.find_interpreter(chosen or self._settings.interpreter)
        arguments = [*mounts.system_mounts(), *mounts.kernel_mounts(max(64, request.limits.memory_mb // 2))]
        arguments += [
            *mounts.private_mounts(folder, _folders_for(prepared)),
            *interpreter.binds,
            *mounts.program_mounts(request.programs),
        ]
        env, opened = environment_of(interpreter.inside, prepared), list[str]()
        if prepared is not None:
            more, tools, opened = self._layers.fit(prepared.parts, folder, uid)
            arguments += more
            env |= tools
        if request.network != "none":
            arguments += mounts.network_mounts(self._settings.certificates)
        return Sandbox(
            mounts=tuple(arguments),
            env=env | request.env,
            limits=request.limits,
            uid=uid,
            network=request.network != "none",
            limited=group.controllers if group else frozenset(),
            opened=tuple(opened),
        )


def _folders_for(prepared: Prepared | None) -> tuple[str, ...]:
    """The private folders of an environment: only Python's dependencies want one for the project's metadata."""
    if prepared is not None and prepared.python is not None:
        return mounts.PRIVATE
    return tuple(name for name in mounts.PRIVATE if name != "site")


def give_folders(folder: Path, uid: int | None, names: Sequence[str] = mounts.PRIVATE) -> None:
    """Hand the private folders of an environment to its user, and write its account tables."""
    for name in names:
        if uid is not None:
            os.chown(folder / name, uid, uid)
    mounts.write_accounts(folder, uid if uid is not None else os.getuid(), uid if uid is not None else os.getgid())


def probe(settings: DevctlSettings, store: Store) -> str:
    """Run `true` in a sandbox; returns why it does not work, or nothing."""
    try:
        box = BubblewrapBackend(settings, store).launch(LaunchRequest())
        try:
            result = box.run(Command(argv=("true",), seconds=20))
        finally:
            box.destroy()
    except DevctlError as error:
        return error.message
    except OSError as error:
        return str(error)
    return "" if result.exit_code == 0 else f"`true` ended with {result.exit_code}: {result.output.strip()}"
