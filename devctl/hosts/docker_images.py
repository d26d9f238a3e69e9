"""Images of a Docker engine: building the old way, listing, removing, looking at."""

import contextlib
import json
import socket
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import requests
from docker.errors import APIError, DockerException, ImageNotFound
from docker.utils.build import exclude_paths

from devctl.errors import BuildFailed, LaunchFailed, NoSuchImage
from devctl.fleet.records import Host
from devctl.hosts import laid_out
from devctl.hosts.docker_client import cause, connect
from devctl.records import Record

_CALL_SECONDS = 600


class EngineImage(Record):
    """What an engine says of an image."""

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...] = ()
    """`name@sha256:…`, where a registry gave it or took it."""
    labels: dict[str, str] = {}
    created: str = ""
    size: int = 0

    @property
    def only_here(self) -> bool:
        """Whether no registry is known to have it, so that only builders inside the engine can build on it."""
        return not self.digests

    @property
    def made(self) -> datetime | None:
        """When it was made."""
        try:
            return datetime.fromisoformat(self.created[:19] + "+00:00")
        except ValueError:
            return None


class EngineBuild(Record):
    """What the engine's old builder is given."""

    dockerfile: str
    """Relative to the context."""
    tags: tuple[str, ...]
    args: dict[str, str] = {}
    target: str | None = None
    labels: dict[str, str] = {}
    cache_from: tuple[str, ...] = ()
    no_cache: bool = False
    network: str | None = None
    """The engine's network that steps see; None is its default."""


def context_paths(folder: Path, patterns: Sequence[str], dockerfile: str) -> list[str]:
    """The paths that a .dockerignore leaves in a context, relative and sorted; the Dockerfile is always there."""
    return sorted(path for path in exclude_paths(str(folder), list(patterns), dockerfile) if path)


class EngineImages:
    """The images of one engine; a context manager."""

    def __init__(self, host: Host) -> None:
        """Connect; raises HostUnreachable."""
        self.host = host
        self._client = connect(host, _CALL_SECONDS)

    def close(self) -> None:
        """Return the connections."""
        self._client.close()

    def __enter__(self) -> "EngineImages":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, reference: str) -> EngineImage | None:
        """Look an image up; None when it is not there."""
        if not reference.strip():
            return None  # which the engine's client would not even ask for
        try:
            return _image(self._client.images.get(reference).attrs)
        except ImageNotFound:
            return None
        except APIError as error:
            if error.status_code == 400:
                return None  # no reference at all
            raise self._failed(reference, error) from error

    def get(self, reference: str) -> EngineImage:
        """Look an image up; raises NoSuchImage."""
        found = self.find(reference)
        if found is None:
            raise NoSuchImage(
                f"{self.host.name} has no image {reference!r}", "`devctl images ls` lists what was built; or pull it"
            )
        return found

    def labelled(self, label: str) -> list[EngineImage]:
        """All images with a label, newest first."""
        found = [_image(one.attrs) for one in self._client.images.list(filters={"label": label})]
        found = [image for image in found if not laid_out.is_laid_out(image.tags)]  # they have their own image's labels
        return sorted(found, key=lambda image: image.created, reverse=True)

    def used(self) -> set[str]:
        """The ids of images that containers are made of, by way of one with their folders too."""
        listed = self._client.api.containers(all=True)
        return {str(one["ImageID"]) for one in listed} | {
            base for one in listed if (base := (one.get("Labels") or {}).get(laid_out.BASE_LABEL))
        }

    def tag(self, reference: str, tag: str) -> None:
        """Give an image another name."""
        repository, _, name = tag.rpartition(":") if ":" in tag.rsplit("/", 1)[-1] else (tag, "", "latest")
        self._client.api.tag(reference, repository, name)

    def remove(self, reference: str, force: bool = False) -> None:
        """Remove a name, and the image with its last one; raises NoSuchImage, or LaunchFailed while it is used."""
        image = self.get(reference)
        if not force and len(image.tags) < 2 and image.id in self.used():
            raise _in_use(reference, "containers are made of it")
        laid_out.release(self._client.api, image.id)
        try:
            self._client.api.remove_image(reference, force=force)
        except ImageNotFound as error:
            raise NoSuchImage(
                f"{self.host.name} has no image {reference!r}", "`devctl images ls` lists them"
            ) from error
        except APIError as error:
            raise _in_use(reference, cause(error)) from error

    def layers(self, reference: str) -> Iterator[bytes]:
        """Stream the whole image as an archive."""
        return iter(self._client.api.get_image(reference))

    def build(
        self, context: Path, paths: Sequence[str], what: EngineBuild, tell: Callable[[dict[str, Any]], None],
        stops: Sequence[threading.Event],
    ) -> str:  # fmt: skip
        """Build with the engine's old builder; returns the image's id.

        Every message of the engine is told. When one of `stops` is set the connection is cut, at which the engine stops.
        """
        with _packed(context, paths) as archive:
            answer = self._client.api.post(
                f"{self._client.api.base_url}/v{self._client.api.api_version}/build",
                data=archive,
                params=_parameters(what),
                headers={"Content-Type": "application/x-tar"},
                stream=True,
                timeout=_CALL_SECONDS,
            )
        done = threading.Event()
        watcher = threading.Thread(target=_cut, args=(answer, stops, done), daemon=True)
        watcher.start()
        try:
            return self._follow(answer, tell)
        except (requests.RequestException, OSError, ValueError, AttributeError) as error:
            raise BuildFailed(f"the engine of {self.host.name} ended the build: {error}", "") from error
        finally:
            done.set()
            watcher.join()
            answer.close()

    def _follow(self, answer: requests.Response, tell: Callable[[dict[str, Any]], None]) -> str:
        if answer.status_code >= 400:
            raise BuildFailed(
                f"the engine of {self.host.name} refused: {answer.json().get('message', answer.text)}", ""
            )
        made = ""
        for line in answer.iter_lines():
            message: dict[str, Any] = json.loads(line) if line.strip() else {}
            if error := message.get("error"):
                raise BuildFailed(str(error), "")
            made = str((message.get("aux") or {}).get("ID", made))
            tell(message)
        return made

    def _failed(self, reference: str, error: DockerException) -> LaunchFailed:
        return LaunchFailed(f"{reference!r} cannot be looked up on {self.host.name}: {cause(error)}", "check Docker")


def _in_use(reference: str, why: str) -> LaunchFailed:
    return LaunchFailed(
        f"the image {reference!r} cannot be removed: {why}", "remove what runs on it first, or use --force"
    )


def _image(attrs: Mapping[str, Any]) -> EngineImage:
    return EngineImage(
        id=str(attrs["Id"]),
        tags=tuple(attrs.get("RepoTags") or ()),
        digests=tuple(attrs.get("RepoDigests") or ()),
        labels=dict((attrs.get("Config") or {}).get("Labels") or attrs.get("Labels") or {}),
        created=str(attrs.get("Created", "")),
        size=int(attrs.get("Size", 0)),
    )


def _parameters(what: EngineBuild) -> dict[str, Any]:
    found: dict[str, Any] = {
        "dockerfile": what.dockerfile,
        "t": list(what.tags),
        "rm": True,
        "forcerm": True,
        "nocache": what.no_cache,
        "buildargs": json.dumps(what.args),
        "labels": json.dumps(what.labels),
        "cachefrom": json.dumps(what.cache_from),
    }
    found |= {"target": what.target} if what.target else {}
    return found | ({"networkmode": what.network} if what.network else {})


@contextlib.contextmanager
def _packed(context: Path, paths: Sequence[str]) -> Iterator[IO[bytes]]:
    """The files of a context as an archive: links stay links, sockets and devices stay out."""
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for path in paths:
                entry = archive.gettarinfo(context / path, arcname=path)
                if entry is None or not (entry.isreg() or entry.isdir() or entry.issym() or entry.islnk()):
                    continue
                entry.uid = entry.gid = 0
                entry.uname = entry.gname = ""
                if entry.isreg():
                    with (context / path).open("rb") as source:
                        archive.addfile(entry, source)
                else:
                    archive.addfile(entry)
        file.seek(0)
        yield file


def _cut(answer: requests.Response, stops: Sequence[threading.Event], done: threading.Event) -> None:
    """Cut the connection when the build is cancelled: closing it would wait for the reader."""
    while not done.wait(0.1):
        if any(stop.is_set() for stop in stops):
            connection = getattr(answer.raw, "connection", None)
            if (sock := getattr(connection, "sock", None)) is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            return
