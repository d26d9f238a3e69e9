"""The calls that devctl makes to a Docker engine: the only importer of the Docker SDK."""

import logging
import os
import socket
import struct
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from devctl import archives, seccomp
from devctl.errors import EnvironmentGone, LaunchFailed, PathRefused, SandboxUnavailable
from devctl.hosts.laid_out import BASE_LABEL, LaidOutImages, release
from devctl.records import Limits
from devctl.settings import DEFAULT_ADDRESS, DevctlSettings

log = logging.getLogger(__name__)

_HEAD = struct.Struct(">4xL")
_CHUNK = 65_536
KEEPER_UID, UID = 10_002, 10_001
"""The sleeping program and the commands have different users, so that a command cannot end the container."""


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
        self._laid_out = LaidOutImages(self.client.api, settings.folder / "laid-out", address)

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
        self, name: str, image_id: str, limits: Limits, network: str, binds: Mapping[str, Mapping[str, str]],
        labels: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Start a container that sleeps, with its private folders laid out; raises LaunchFailed."""
        layout = archives.layout(UID)
        options = {
            **_options(limits),
            "name": name,
            "network_mode": network,
            "volumes": {path: dict(bind) for path, bind in binds.items()},
            "labels": {"devctl": "environment", BASE_LABEL: image_id, **(labels or {})},
        }
        try:
            container, laid_out = self._laid_out.create(
                image_id, layout, lambda image: self.client.containers.create(image, **options)
            )
            if not laid_out:
                container.put_archive("/", layout)
            container.start()
        except DockerException as error:
            self.remove(name)
            raise LaunchFailed(f"the container {name} of {image_id!r} did not start: {_cause(error)}") from error

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

    def prune_laid_out(self) -> None:
        """Remove the images that this home made to launch from."""
        self._laid_out.prune()

    def remove_images(self, repository: str, used: set[str | None]) -> list[str]:
        """Remove the images of a repository except the used tags; returns the tags removed."""
        removed = []
        for image in self.client.images.list(name=repository):
            for reference in image.tags:
                tag = reference.rpartition(":")[2]
                if tag in used:
                    continue
                try:
                    release(self.client.api, str(image.id))
                    self.client.images.remove(reference, force=True)
                    removed.append(tag)
                except APIError as error:
                    log.warning("the image %s could not be removed: %s", reference, _cause(error))
        return removed


def _options(limits: Limits) -> dict[str, Any]:
    """What every container is created with."""
    memory = limits.memory_mb * 2**20
    return {
        "entrypoint": ["sleep"],
        "command": ["infinity"],
        "init": True,
        "user": f"{KEEPER_UID}:{KEEPER_UID}",
        "working_dir": "/",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", f"seccomp={seccomp.docker_profile()}"],
        "pids_limit": limits.pids,
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": int(min(limits.cpus, os.cpu_count() or 1) * 1e9),
        "ipc_mode": "private",
        "ulimits": [
            docker.types.Ulimit(name="core", soft=0, hard=0),
            docker.types.Ulimit(name="fsize", soft=limits.disk_mb * 2**20, hard=limits.disk_mb * 2**20),
        ],
    }


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
    inner = getattr(connection, "_sock", connection)  # of a kind for each transport
    try:
        if (settimeout := getattr(inner, "settimeout", None)) is not None:
            settimeout(None)  # the client's limit is for calls, not for a command that says nothing
        for data in _frames(connection._response.raw._fp.fp):  # it holds what came together with the answer's head
            take(data)
    except (DockerException, OSError, ValueError) as error:
        broken.append(error)
    finally:
        with suppress(OSError):
            connection._response.close()  # what reads from the socket ends before that
        connection.close()
        inner.close()  # what the SDK returns is a view of the socket that it never closes itself


def _frames(reader: IO[bytes]) -> Iterator[bytes]:
    """Yield what is in the engine's frames, each with a head that tells its stream and its size."""
    while len(head := reader.read(_HEAD.size)) == _HEAD.size:
        (left,) = _HEAD.unpack(head)
        while left:
            if not (data := reader.read(min(left, _CHUNK))):
                return
            left -= len(data)
            yield data


def _cause(error: BaseException) -> str:
    explanation = getattr(error, "explanation", None)
    return str(explanation or error).strip()[-300:]
