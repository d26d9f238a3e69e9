"""Environments as containers of a Docker engine.

A container runs nothing but a sleeping program; commands are executed in it as a user without rights. What
cannot be cleared away from outside (a command past its time) is ended by restarting the container, which
keeps its files.
"""

import logging
import os
import threading
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from devctl import archives, fitting, mounts
from devctl.capture import TIMED_OUT, MiddleCut
from devctl.docker_engine import UID, Engine, container_name
from devctl.errors import EnvironmentGone, LaunchFailed, PathRefused, ServeFailed
from devctl.files import Budget, parts_of
from devctl.gateway import INSIDE_PORT, Gateway
from devctl.inside import prelude
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
from devctl.serving import Background, Served, served_from
from devctl.settings import DevctlSettings
from devctl.store import Store

if TYPE_CHECKING:
    from devctl.pool.opening import SandboxPool

log = logging.getLogger(__name__)

NOTES = (
    "the size of each file is limited, not that of all files together",
    "children that a command leaves behind live until the environment stops",
)
# One pipe for both streams keeps their order; the input comes from a file, which is quicker than a socket.
_STDIN = """exec 2>&1
if [ -n "$DEVCTL_STDIN" ]; then exec <"$DEVCTL_STDIN"; rm -f "$DEVCTL_STDIN"; unset DEVCTL_STDIN; fi
"""
_NO_LINK = 'for path; do [ -L "$path" ] && exit 9; done; exit 0'


class DockerBox:
    """An environment in a container."""

    def __init__(self, engine: "Engine", store: Store, info: EnvironmentInfo, env: dict[str, str]) -> None:
        self._engine = engine
        self._store = store
        self._info = info
        self._env = env
        self._name = container_name(info.id)
        self._ending = threading.Lock()

    @property
    def info(self) -> EnvironmentInfo:
        return self._info

    @property
    def workdir(self) -> str:
        return WORKDIR

    @property
    def host_folder(self) -> Path | None:
        return None

    def run(self, command: Command) -> ExecResult:
        env = {**self._env, **command.env}
        if command.stdin is not None:
            name = f".stdin-{uuid.uuid4().hex}"
            self._engine.upload(self._name, "/tmp", archives.of_bytes({name: command.stdin}, UID))  # noqa: S108 - inside
            env["DEVCTL_STDIN"] = f"/tmp/{name}"  # noqa: S108 - inside
        argv = ("sh", "-c", _STDIN + prelude.SCRIPT, "sh", command.cwd, *command.argv)
        output = MiddleCut(self._info.limits.output_bytes)
        begin = time.monotonic()
        code = self._engine.execute(self._name, argv, env, output.add, command.seconds)
        if code is None:
            with self._ending:
                self._engine.restart(self._name)
        return ExecResult(
            exit_code=TIMED_OUT if code is None else code,
            output=output.value().decode("utf-8", "replace"),
            timed_out=code is None,
            truncated=output.omitted > 0,
            seconds=time.monotonic() - begin,
        )

    def put(self, source: Path, target: str) -> None:
        steps = parts_of(target)
        source = source.resolve()
        if not source.is_dir() and not source.is_file():
            raise PathRefused(f"{source} is no file or folder", "check the path")
        self._refuse_links(steps)
        if source.is_file() and not steps:
            steps = (source.name,)
        with archives.of_path(source, steps, UID, Budget(self._info.limits.disk_mb)) as archive:
            self._engine.upload(self._name, WORKDIR, archive)

    def get(self, source: str, target: Path) -> tuple[str, ...]:
        steps = parts_of(source)
        self._refuse_links(steps)
        stream = self._engine.download(self._name, "/".join((WORKDIR, *steps)))
        inner = [parts_of(place) for place in self._info.places]
        without = [place[len(steps) :] for place in inner if len(place) > len(steps) and place[: len(steps)] == steps]
        return archives.receive(stream, target, Budget(self._info.limits.disk_mb), without)

    def serve(self, argv: Sequence[str], port: int, seconds: float) -> Served:
        if not self._engine.local:
            raise ServeFailed("the Docker engine is on another host", "", "serve from a local engine")
        path = self._store.folder(self._info.id) / "run" / f"{port}.sock"
        path.unlink(missing_ok=True)
        relay = (f"{prelude.PROGRAMS}/relay.py", f"{mounts.RUN}/{path.name}", str(port))
        command = Command(argv=("python3", *relay, *argv))
        background = Background(lambda keeper: self._keep(keeper, command, relay), f"serve-{self._info.id}")
        return served_from(background, path, seconds)

    def gateway(self, port: int) -> tuple[Gateway, tuple[str, ...]]:
        if not self._engine.local:
            raise LaunchFailed("the Docker engine is on another host", "use a local engine, or bubblewrap")
        path = self._store.folder(self._info.id) / "run" / "gateway.sock"
        relay = (f"{prelude.PROGRAMS}/gateway.py", f"{mounts.RUN}/{path.name}", str(INSIDE_PORT))
        return Gateway(path, port), ("python3", *relay)

    def destroy(self) -> None:
        self._engine.remove(self._name)
        self._store.remove(self._info.id)

    def _refuse_links(self, steps: Sequence[str]) -> None:
        paths = ["/".join((WORKDIR, *steps[: count + 1])) for count in range(len(steps))]
        if not paths:
            return
        argv = ("sh", "-c", _NO_LINK, "sh", *paths)
        if self._engine.execute(self._name, argv, {}, lambda _: None, 30) == 9:
            raise PathRefused(
                f"{'/'.join(steps)!r} leads through a link; links are not followed", "name what it points to"
            )

    def _keep(self, background: Background, command: Command, relay: tuple[str, ...]) -> None:
        output = MiddleCut(self._info.limits.output_bytes)
        background.output = lambda: output.value().decode("utf-8", "replace")
        background.cancel = lambda: self._end_server(relay)
        background.started.set()
        argv = ("sh", "-c", prelude.SCRIPT, "sh", command.cwd, "setsid", *command.argv)
        self._engine.execute(self._name, argv, self._env, output.add, None)

    def _end_server(self, relay: tuple[str, ...]) -> None:
        """End the session that the relay leads; a container that is gone has ended it already."""
        script = (
            'for entry in /proc/[0-9]*; do if tr "\\0" " " <$entry/cmdline 2>/dev/null | grep -qF "$1"; then '
            "s=$(cut -d' ' -f6 $entry/stat) && for p in /proc/[0-9]*; do "
            '[ "$(cut -d\' \' -f6 $p/stat 2>/dev/null)" = "$s" ] && kill -9 ${p#/proc/}; done; fi; done; exit 0'
        )
        try:
            argv = ("setsid", "sh", "-c", script, "sh", f"{relay[0]} {relay[1]}")
            self._engine.execute(self._name, argv, {}, lambda _: None, 30)
        except EnvironmentGone:
            log.debug("%s had been removed", self._name)


class DockerBackend:
    """Makes environments as containers."""

    name: BackendName = "docker"

    def __init__(self, settings: DevctlSettings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._engine = Engine(settings)
        self._opening = threading.Lock()
        self._asked_for_pool = False
        self._pool: SandboxPool | None = None

    def notes(self) -> tuple[str, ...]:
        """What is weaker here than asked for."""
        return NOTES

    def prepare(self, request: PrepareRequest) -> Prepared:
        from devctl.docker_preparing import prepare_image

        return prepare_image(self._engine, self._settings, self._store, request)

    def launch(self, request: LaunchRequest) -> DockerBox:
        image = request.image or (request.prepared.location if request.prepared else self._settings.docker_image)
        image_id = self._engine.ensure_image(image)
        network = "none" if request.network == "none" else self._settings.docker_prepare_network
        if (warm := self._take_warm(request, image, image_id, network)) is not None:
            return warm
        with self._store.making(("run",), self._store.remove) as (name, folder):
            (folder / "run").chmod(0o777)  # noqa: S103 - the folder above is private; the container has another uid
            info = self._info(name, request)
            self._store.record(info)
        binds = {str(folder / "run"): {"bind": mounts.RUN, "mode": "rw"}} if self._engine.local else {}
        try:
            self._engine.create(container_name(name), image_id, request.limits, network, binds)
        except LaunchFailed:
            self._store.remove(name)
            raise
        return DockerBox(self._engine, self._store, info, self._env(image, request))

    def _take_warm(self, request: LaunchRequest, image: str, image_id: str, network: str) -> DockerBox | None:
        """Take a container that runs already; None where none is kept, or none is left."""
        pool = self._warm_pool()
        if pool is None:
            return None
        slot = pool.warm.claim(pool.shape(request, image, image_id, network), f"process {os.getpid()}")
        if slot is None:
            return None
        info = self._info(slot.name, request)
        try:
            self._store.record(info)
        except OSError as error:
            pool.warm.released(slot, f"its folder cannot be written: {error}")
            return None
        pool.warm.taken(slot)
        return DockerBox(self._engine, self._store, info, self._env(image, request))

    def _warm_pool(self) -> "SandboxPool | None":
        with self._opening:
            if self._settings.pool and not self._asked_for_pool:
                from devctl.pool.opening import open_sandbox_pool

                self._asked_for_pool = True
                self._pool = open_sandbox_pool(self._settings, self._engine, self._store)
        return self._pool

    def _info(self, name: str, request: LaunchRequest) -> EnvironmentInfo:
        parts = request.prepared.parts if request.prepared else ()
        return EnvironmentInfo(
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
            notes=NOTES,
        )

    def running(self) -> list[EnvironmentInfo]:
        return [state.info for state in self._store.states() if state.info.backend == self.name]

    def remove(self, name: str) -> None:
        self._engine.remove(container_name(name))
        self._store.remove(name)

    def reap(self) -> list[str]:
        names = [state.info.id for state in self._store.leftovers() if state.info.backend == self.name]
        for name in names:
            self.remove(name)
        return names

    def prune(self) -> list[str]:
        used = {state.info.prepared for state in self._store.states()}
        removed = self._engine.remove_images("devctl-prepared", used)
        self._engine.prune_laid_out()
        return removed

    def _env(self, image: str, request: LaunchRequest) -> dict[str, str]:
        path = self._engine.variables(image).get("PATH", "/usr/local/bin:/usr/bin:/bin")
        env = {"HOME": mounts.HOME, "USER": "devctl", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        if request.prepared is not None and request.prepared.python is not None:
            path = f"{prelude.VENV}/bin:{prelude.SITE}/bin:{path}"
            env["VIRTUAL_ENV"] = prelude.VENV
        parts = request.prepared.parts if request.prepared is not None else ()
        results = {part.ecosystem: part.location for part in parts}
        own = fitting.program_folders(parts, results, mounts.HOME)
        path = ":".join([*own, path])
        return {**env, **fitting.variables(parts, results, mounts.HOME), "PATH": path, **request.env}
