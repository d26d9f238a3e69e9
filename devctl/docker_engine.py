"""Environments as containers of a Docker engine: the only importer of the Docker SDK.

A container runs nothing but a sleeping program; commands are executed in it as a user without rights. What
cannot be cleared away from outside (a command past its time) is ended by restarting the container, which
keeps its files.
"""

import logging
import os
import socket
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.utils.socket import frames_iter

from devctl import archives, mounts
from devctl.capture import TIMED_OUT, MiddleCut
from devctl.errors import EnvironmentGone, LaunchFailed, PathRefused, SandboxUnavailable, ServeFailed
from devctl.files import Budget, parts_of
from devctl.inside import prelude
from devctl.records import (
    WORKDIR,
    BackendName,
    Command,
    EnvironmentInfo,
    ExecResult,
    LaunchRequest,
    Limits,
    Prepared,
    PrepareRequest,
)
from devctl.serving import Background, HostRelay, Served, wait_until_served
from devctl.settings import DevctlSettings
from devctl.store import Store

log = logging.getLogger(__name__)

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
KEEPER_UID, UID = 10_002, 10_001
"""The sleeping program and the commands have different users, so that a command cannot end the container."""
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
        return archives.receive(stream, target, Budget(self._info.limits.disk_mb))

    def serve(self, argv: Sequence[str], port: int, seconds: float) -> Served:
        if not self._engine.local:
            raise ServeFailed("the Docker engine is on another host", "", "serve from a local engine")
        path = self._store.folder(self._info.id) / "run" / f"{port}.sock"
        path.unlink(missing_ok=True)
        relay = (f"{prelude.PROGRAMS}/relay.py", f"{mounts.RUN}/{path.name}", str(port))
        command = Command(argv=("python3", *relay, *argv))
        background = Background(lambda keeper: self._keep(keeper, command, relay), f"serve-{self._info.id}")
        wait_until_served(background, path, seconds)
        outside = HostRelay(path)
        return Served(f"http://127.0.0.1:{outside.port}/", background, outside)

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

    def notes(self) -> tuple[str, ...]:
        """What is weaker here than asked for."""
        return NOTES

    def prepare(self, request: PrepareRequest) -> Prepared:
        from devctl.docker_preparing import prepare_image

        return prepare_image(self._engine, self._settings, self._store, request)

    def launch(self, request: LaunchRequest) -> DockerBox:
        image = request.image or (request.prepared.location if request.prepared else self._settings.docker_image)
        self._engine.ensure_image(image)
        name, folder = self._store.create(("run",))
        (folder / "run").chmod(0o777)  # noqa: S103 - the folder above is private; the container has another uid
        info = EnvironmentInfo(
            id=name,
            backend=self.name,
            created=datetime.now(UTC),
            owner_pid=os.getpid(),
            labels=request.labels,
            prepared=request.prepared.digest if request.prepared else None,
            network=request.network,
            limits=request.limits,
            notes=NOTES,
        )
        self._store.record(info)
        network = "none" if request.network == "none" else self._settings.docker_prepare_network
        binds = {str(folder / "run"): {"bind": mounts.RUN, "mode": "rw"}} if self._engine.local else {}
        try:
            self._engine.create(container_name(name), image, request.limits, network, binds)
        except LaunchFailed:
            self._store.remove(name)
            raise
        return DockerBox(self._engine, self._store, info, self._env(image, request))

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
        return self._engine.remove_images("devctl-prepared", used)

    def _env(self, image: str, request: LaunchRequest) -> dict[str, str]:
        path = self._engine.variables(image).get("PATH", "/usr/local/bin:/usr/bin:/bin")
        env = {"HOME": mounts.HOME, "USER": "devctl", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        if request.prepared is not None and request.prepared.python is not None:
            path = f"{prelude.VENV}/bin:{prelude.SITE}/bin:{path}"
            env["VIRTUAL_ENV"] = prelude.VENV
        return {**env, "PATH": path, **request.env}


class Engine:
    """The calls that devctl makes to a Docker engine, with its errors put into devctl's words."""

    def __init__(self, settings: DevctlSettings) -> None:
        address = settings.docker_host or DEFAULT_ADDRESS
        try:
            _try_socket(address)
            self.client = docker.from_env(timeout=120, environment={**settings.docker_tls, "DOCKER_HOST": address})
            self.client.ping()
        except (DockerException, OSError) as error:
            raise SandboxUnavailable(
                f"no Docker engine answers at {address}: {_cause(error)}",
                "start Docker, or set DOCKER_HOST to an engine that answers",
            ) from error
        weakref.finalize(self, self.client.close)
        self.local = address.startswith("unix:")
        """Whether folders of this host can be bound into containers."""

    def ensure_image(self, image: str) -> str:
        """Find an image, or pull it; returns its id. Raises LaunchFailed."""
        try:
            return str(self.client.images.get(image).id)
        except ImageNotFound:
            log.info("pulling %s", image)
        except DockerException as error:
            raise LaunchFailed(f"the image {image!r} cannot be read: {_cause(error)}", "check Docker") from error
        try:
            return str(self.client.images.pull(image).id)
        except (DockerException, OSError) as error:
            raise LaunchFailed(
                f"the image {image!r} is not there and cannot be pulled: {_cause(error)}",
                "build or load it, or set DEVCTL_IMAGE to one that is there",
            ) from error

    def create(
        self, name: str, image: str, limits: Limits, network: str, binds: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Start a container that sleeps, with its private folders laid out; raises LaunchFailed."""
        memory = limits.memory_mb * 1024 * 1024
        try:
            container = self.client.containers.create(
                image,
                name=name,
                entrypoint=["sleep"],
                command=["infinity"],
                init=True,
                user=f"{KEEPER_UID}:{KEEPER_UID}",
                working_dir="/",
                network_mode=network,
                volumes={path: dict(bind) for path, bind in binds.items()},
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                pids_limit=limits.pids,
                mem_limit=memory,
                memswap_limit=memory,
                nano_cpus=int(min(limits.cpus, os.cpu_count() or 1) * 1e9),
                ipc_mode="private",
                ulimits=[
                    docker.types.Ulimit(name="core", soft=0, hard=0),
                    docker.types.Ulimit(name="fsize", soft=limits.disk_mb * 2**20, hard=limits.disk_mb * 2**20),
                ],
                labels={"devctl": "environment"},
            )
            container.put_archive("/", archives.layout(UID))
            container.start()
        except DockerException as error:
            self.remove(name)
            raise LaunchFailed(f"the container {name} of {image!r} did not start: {_cause(error)}") from error

    def execute(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        take: Callable[[bytes], None],
        seconds: float | None,
    ) -> int | None:
        """Run a command and hand over its output as it comes; returns its status, None when time was up."""
        with _translated(name):
            started = self.client.api.exec_create(
                name, list(argv), environment=dict(env), user=f"{UID}:{UID}", workdir="/", stdin=False
            )
            connection = self.client.api.exec_start(started["Id"], socket=True)
        broken: list[Exception] = []
        reader = threading.Thread(target=_drain, args=(connection, take, broken), daemon=True)
        reader.start()
        reader.join(seconds)
        if reader.is_alive():
            return None
        with _translated(name):
            code = self.client.api.exec_inspect(started["Id"])["ExitCode"]
        if code is None or broken:
            raise EnvironmentGone(f"the container {name} ended while {argv[0]!r} ran", "launch a new one")
        return int(code)

    def upload(self, name: str, folder: str, archive: Any) -> None:
        """Unpack an archive into a folder of a container."""
        with _translated(name):
            self.client.api.put_archive(name, folder, archive)

    def download(self, name: str, path: str) -> Iterator[bytes]:
        """Stream an archive of a path of a container; raises PathRefused when it is not there."""
        try:
            stream, _ = self.client.api.get_archive(name, path)
        except NotFound as error:
            raise PathRefused(f"{PurePosixPath(path).name!r} is not there", "check the path") from error
        return iter(stream)

    def restart(self, name: str) -> None:
        """End all processes of a container and start it again with its files."""
        with _translated(name):
            self.client.api.restart(name, timeout=0)

    def remove(self, name: str) -> None:
        """End and remove a container; one that is gone is left alone."""
        try:
            self.client.api.remove_container(name, force=True, v=True)
        except NotFound:
            return
        except APIError as error:
            log.warning("the container %s could not be removed: %s", name, _cause(error))

    def commit(self, name: str, repository: str, tag: str, labels: Mapping[str, str]) -> None:
        """Make an image of a container."""
        with _translated(name):
            self.client.api.commit(name, repository=repository, tag=tag, conf={"Labels": dict(labels)})

    def build(self, folder: Path, dockerfile: str, tag: str) -> None:
        """Build an image; raises LaunchFailed with the end of the builder's output."""
        try:
            self.client.images.build(path=str(folder), dockerfile=dockerfile, tag=tag, rm=True)
        except docker.errors.BuildError as error:
            lines = "".join(str(part.get("stream", "")) for part in error.build_log if isinstance(part, dict))
            raise LaunchFailed(f"{dockerfile} does not build: {error.msg}; {lines[-1500:]}", "correct it") from error
        except (DockerException, TypeError, OSError) as error:
            raise LaunchFailed(f"{dockerfile} does not build: {_cause(error)}", "correct it") from error

    def labels(self, image: str) -> dict[str, str] | None:
        """The labels of an image, None when it is not there."""
        try:
            return dict(self.client.images.get(image).labels)
        except ImageNotFound:
            return None

    def variables(self, image: str) -> dict[str, str]:
        """The variables that an image sets."""
        config = self.client.images.get(image).attrs.get("Config") or {}
        return dict(item.split("=", 1) for item in config.get("Env") or () if "=" in item)

    def remove_images(self, repository: str, used: set[str | None]) -> list[str]:
        """Remove the images of a repository except the used tags; returns the tags removed."""
        removed = []
        for image in self.client.images.list(name=repository):
            for reference in image.tags:
                tag = reference.rpartition(":")[2]
                if tag in used:
                    continue
                try:
                    self.client.images.remove(reference, force=True)
                    removed.append(tag)
                except APIError as error:
                    log.warning("the image %s could not be removed: %s", reference, _cause(error))
        return removed


def _try_socket(address: str) -> None:
    """Connect to a local engine once: the SDK leaves its socket open when nobody answers. Raises OSError."""
    if address.startswith("unix:"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(10)
            probe.connect("/" + address.removeprefix("unix:").lstrip("/"))


def container_name(name: str) -> str:
    """The container of an environment."""
    return f"devctl-{name}"


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Put what the engine says about a container into devctl's words."""
    try:
        yield
    except NotFound as error:
        raise EnvironmentGone(f"the container {name} is gone", "launch a new one") from error
    except (DockerException, OSError) as error:
        raise EnvironmentGone(f"the container {name} cannot be used: {_cause(error)}", "launch a new one") from error


def _drain(connection: Any, take: Callable[[bytes], None], broken: list[Exception]) -> None:
    """Hand over what a command prints until it closes its output."""
    try:
        for _, data in frames_iter(connection, tty=False):  # type: ignore[no-untyped-call] # untyped in the stubs
            take(data)
    except (DockerException, OSError, ValueError) as error:
        broken.append(error)
    finally:
        inner = getattr(connection, "_sock", None)
        connection.close()
        if inner is not None:
            inner.close()  # what the SDK returns is a view of the socket that it never closes itself


def _cause(error: BaseException) -> str:
    explanation = getattr(error, "explanation", None)
    return str(explanation or error).strip()[-300:]
