"""Environments without any sandbox: plain processes of this user in a folder of their own.

For machines where nothing else works and people who say so. Same interface; nothing is kept from reading
this user's files or using the network, and every environment says so in its notes.
"""

import logging
import os
import signal
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from socket import create_connection

from devctl import fitting, mounts
from devctl.capture import Job, Running
from devctl.errors import LaunchFailed, ServeFailed
from devctl.gateway import INSIDE_PORT, Gateway
from devctl.inside import prelude
from devctl.installers import HostInstaller, link_programs
from devctl.preparing import PartCache
from devctl.records import (
    BackendName,
    Command,
    EnvironmentInfo,
    ExecResult,
    LaunchRequest,
    Prepared,
    PrepareRequest,
)
from devctl.sandboxed_run import result_of
from devctl.serving import Background, Served
from devctl.settings import DevctlSettings
from devctl.store import Store
from devctl.work_folder import WorkFolder

log = logging.getLogger(__name__)

_MARK = "DEVCTL_COMMAND"
NOTE = "no sandbox at all: commands run as this user, with its files and its network"


class UnsandboxedBox:
    """A folder in which commands run as this user."""

    def __init__(self, store: Store, info: EnvironmentInfo, env: dict[str, str]) -> None:
        self._store = store
        self._info = info
        self._env = env
        self._folder = store.folder(info.id)
        self._work = WorkFolder(self._folder / "work", None, info.limits.disk_mb)

    @property
    def info(self) -> EnvironmentInfo:
        return self._info

    @property
    def workdir(self) -> str:
        return str(self._folder / "work")

    @property
    def host_folder(self) -> Path | None:
        return self._folder / "work"

    def run(self, command: Command) -> ExecResult:
        mark = f"{_MARK}={uuid.uuid4().hex}"
        running = Running(self._job(command, mark))
        note = self._store.note_process(self._info.id, running.process.pid)
        try:
            return result_of(running.wait())
        finally:
            note.unlink(missing_ok=True)
            _end_marked(mark)

    def put(self, source: Path, target: str) -> None:
        self._work.put(source, target)

    def get(self, source: str, target: Path) -> tuple[str, ...]:
        return self._work.get(source, target)

    def serve(self, argv: Sequence[str], port: int, seconds: float) -> Served:
        command = Command(argv=tuple(argv))
        background = Background(lambda keeper: self._keep(keeper, command), f"serve-{self._info.id}-{port}")
        _wait_for_port(background, port, seconds)
        return Served(f"http://127.0.0.1:{port}/", background, None)

    def gateway(self, port: int) -> tuple[Gateway, tuple[str, ...]]:
        path = self._folder / "run" / "gateway.sock"
        path.parent.mkdir(exist_ok=True)
        relay = (str(Path(prelude.__file__).parent / "gateway.py"), str(path), str(INSIDE_PORT))
        return Gateway(path, port), (sys.executable, "-I", *relay)

    def destroy(self) -> None:
        self._store.remove(self._info.id)

    def _job(self, command: Command, mark: str) -> Job:
        limits = self._info.limits
        bounds = ["--core=0", f"--fsize={limits.disk_mb * 1024 * 1024}"]
        bounds.append(f"--data={(limits.memory_mb + 1024) * 1024 * 1024}")
        return Job(
            argv=("prlimit", *bounds, "/bin/sh", "-c", prelude.SCRIPT, "sh", command.cwd, *command.argv),
            env={**self._env, **command.env, _MARK: mark.partition("=")[2]},
            stdin=command.stdin,
            cwd=self._work.path,
            seconds=command.seconds,
            output_bytes=limits.output_bytes,
        )

    def _keep(self, background: Background, command: Command) -> None:
        mark = f"{_MARK}={uuid.uuid4().hex}"
        running = Running(self._job(command, mark))
        note = self._store.note_process(self._info.id, running.process.pid)
        background.output = lambda: running.output.value().decode("utf-8", "replace")
        background.cancel = running.cancel
        background.started.set()
        try:
            running.wait()
        finally:
            note.unlink(missing_ok=True)
            _end_marked(mark)


class UnsandboxedBackend:
    """Makes folders in which commands run as this user; taken only when it is asked for by name."""

    name: BackendName = "none"

    def __init__(self, settings: DevctlSettings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._parts = PartCache(settings, store, self.name, HostInstaller)
        log.warning("%s", NOTE)

    def prepare(self, request: PrepareRequest) -> Prepared:
        return self._parts.prepare(request)

    def launch(self, request: LaunchRequest) -> UnsandboxedBox:
        if request.image is not None:
            raise LaunchFailed(f"the image {request.image!r} needs Docker", "set DEVCTL_BACKEND=docker")
        with self._store.making(mounts.PRIVATE, self.remove) as (name, folder):
            return self._box(request, name, folder)

    def _box(self, request: LaunchRequest, name: str, folder: Path) -> UnsandboxedBox:
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
            notes=(NOTE, "memory and file size are limited per process; processes are not counted"),
        )
        self._store.record(info)
        link_programs(folder / "bin", [part.toolchain for part in parts if part.ecosystem != "python"])
        fitting.copy_seeds(parts, folder / "home", None)
        fitting.copy_places(parts, folder / "work", None)
        return UnsandboxedBox(self._store, info, self._env(folder, request))

    def running(self) -> list[EnvironmentInfo]:
        return [state.info for state in self._store.states() if state.info.backend == self.name]

    def remove(self, name: str) -> None:
        self._store.remove(name)

    def reap(self) -> list[str]:
        names = [state.info.id for state in self._store.leftovers() if state.info.backend == self.name]
        for name in names:
            self.remove(name)
        return names

    def prune(self) -> list[str]:
        return self._parts.prune()

    def _env(self, folder: Path, request: LaunchRequest) -> dict[str, str]:
        interpreter = (request.interpreter or self._settings.interpreter).resolve()
        folders = [str(interpreter.parent), "/usr/local/bin", "/usr/bin", "/bin"]
        env = {
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "DEVCTL_WORK": str(folder / "work"),
            "DEVCTL_SITE": str(folder / "site"),
            "DEVCTL_INSIDE": str(Path(prelude.__file__).parent),
        }
        if request.prepared is not None:
            parts, home = request.prepared.parts, env["HOME"]
            results = {part.ecosystem: part.location for part in parts}
            folders[:0] = [f"{request.prepared.location}/bin", f"{folder}/site/bin"]
            folders[2:2] = [*fitting.program_folders(parts, results, home), f"{folder}/bin"]
            env["VIRTUAL_ENV"] = request.prepared.location
            env |= fitting.variables(parts, results, home)
            env |= {name: value for part in parts for name, value in part.toolchain.env.items()}
        return {**env, "PATH": ":".join(folders), **request.env}


def _end_marked(mark: str) -> None:
    """Kill what a command left behind in groups of its own, known by a variable that it inherited."""
    wanted = mark.encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)
        except OSError:
            continue


def _wait_for_port(background: Background, port: int, seconds: float) -> None:
    """Wait until the server listens; raises ServeFailed."""
    deadline = time.monotonic() + seconds
    while True:
        if not background.alive:
            raise ServeFailed("the server ended before it listened", background.output(), "read its output")
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                background.stop()
                raise ServeFailed(
                    f"nothing listened on port {port} within {seconds:g} s",
                    background.output(),
                    "check the port",
                ) from None
            time.sleep(0.02)
        else:
            return
