"""Environments without any sandbox: plain processes of this user in a folder of their own.

For machines where nothing else works and people who say so. Same interface; nothing is kept from reading
this user's files or using the network, and every environment says so in its notes.
"""

import logging
import os
import signal
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from socket import create_connection

from devctl import mounts
from devctl.capture import Job, Running, run
from devctl.errors import LaunchFailed, ServeFailed
from devctl.inside import prelude
from devctl.preparing import VenvCache, installer_env, uv_path
from devctl.records import (
    BackendName,
    Command,
    EnvironmentInfo,
    ExecResult,
    LaunchRequest,
    Limits,
    Prepared,
    PrepareRequest,
)
from devctl.sandbox import result_of
from devctl.serving import Background, Served
from devctl.settings import CERTIFICATES, DevctlSettings
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

    def destroy(self) -> None:
        self._store.remove(self._info.id)

    def _job(self, command: Command, mark: str) -> Job:
        limits = self._info.limits
        bounds = ["--core=0", f"--fsize={limits.disk_mb * 1024 * 1024}"]
        bounds.append(f"--as={(limits.memory_mb + 1024) * 1024 * 1024}")
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
        self._venvs = VenvCache(settings, store, self.name, HostInstaller)
        log.warning("%s", NOTE)

    def prepare(self, request: PrepareRequest) -> Prepared:
        return self._venvs.prepare(request)

    def launch(self, request: LaunchRequest) -> UnsandboxedBox:
        if request.image is not None:
            raise LaunchFailed(f"the image {request.image!r} needs Docker", "set DEVCTL_BACKEND=docker")
        name, folder = self._store.create(mounts.PRIVATE)
        info = EnvironmentInfo(
            id=name,
            backend=self.name,
            created=datetime.now(UTC),
            owner_pid=os.getpid(),
            labels=request.labels,
            prepared=request.prepared.digest if request.prepared else None,
            network=request.network,
            limits=request.limits,
            notes=(NOTE, "memory and file size are limited per process; processes are not counted"),
        )
        self._store.record(info)
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
        return self._venvs.prune()

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
            folders[:0] = [f"{request.prepared.location}/bin", f"{folder}/site/bin"]
            env["VIRTUAL_ENV"] = request.prepared.location
        return {**env, "PATH": ":".join(folders), **request.env}


class HostInstaller:
    """Runs the installer as this user; packages that are built run their code as this user too."""

    def __init__(
        self, settings: DevctlSettings, scratch: Path, interpreter: mounts.Interpreter, limits: Limits
    ) -> None:
        del limits  # plain processes of this user are bounded by time alone
        self.venv, self.plan, self.python = (
            str(scratch / "venv"),
            str(scratch / "plan"),
            str(interpreter.host),
        )
        for name in ("venv", "plan", "home"):
            (scratch / name).mkdir()
        (settings.folder / "downloads").mkdir(exist_ok=True)
        self._env = installer_env(settings, str(settings.folder / "downloads"))
        self._env |= {"HOME": str(scratch / "home"), "UV_VENV_RELOCATABLE": "1"}
        if settings.certificates is not None:
            self._env |= dict.fromkeys(CERTIFICATES, str(settings.certificates))

    def run(self, arguments: tuple[str, ...], seconds: float) -> ExecResult:
        return result_of(run(Job(argv=(uv_path(), *arguments), env=self._env, seconds=seconds)))


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
