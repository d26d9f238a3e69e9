"""The images that a Docker host has: looked at, fetched, carried, made of containers, and removed."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from http import HTTPStatus

import docker
from docker.errors import DockerException, ImageNotFound

from devctl.errors import EnvironmentGone, InUse, LaunchFailed
from devctl.fleet.records import EnvironmentRecord, Host
from devctl.hosts import laid_out
from devctl.hosts.docker_client import cause, connect, translated

log = logging.getLogger(__name__)

LONG_SECONDS = 600
"""How long the engine may be silent while it works on a whole image."""


class StoredImages:
    """The images of one engine; safe to share between threads."""

    def __init__(self, client: docker.DockerClient, host: Host) -> None:
        """`client` is that of the host, which stays its owner's to close."""
        self._client = client
        self._host = host

    def id_of(self, image: str) -> str:
        """Which image a name means at this moment; raises EnvironmentGone where there is none."""
        with translated(self._host, image):
            return str(self._client.images.get(image).id)

    def labels(self, image: str) -> dict[str, str]:
        """The labels of an image, which is fetched first where it is not there; raises LaunchFailed."""
        with translated(self._host, image):
            try:
                found = self._client.images.get(image)
            except ImageNotFound:
                self.pull(image)
                found = self._client.images.get(image)
            return dict(found.labels or {})

    def has(self, image: str) -> bool:
        """Whether an image is there."""
        try:
            with translated(self._host, image):
                self._client.api.inspect_image(image)  # type: ignore[no-untyped-call] # untyped in the stubs
        except EnvironmentGone:  # what the engine answers for anything that is not there
            return False
        return True

    def pull(self, image: str) -> None:
        """Fetch an image from its registry; raises LaunchFailed."""
        log.info("%s pulls %s", self._host.name, image)
        try:
            for part in self._client.api.pull(image, stream=True, decode=True):
                if error := part.get("error"):
                    raise self._not_to_be_had(image, error)
        except (DockerException, OSError) as error:
            raise self._not_to_be_had(image, cause(error)) from error

    def export(self, image: str) -> Iterator[bytes]:
        """Stream the archive of an image."""
        with self._patient() as client, translated(self._host, image):
            yield from client.api.get_image(image)

    def load(self, archive: Iterator[bytes]) -> None:
        """Take an archive of an image; raises LaunchFailed."""
        with self._patient() as client, translated(self._host, "an image"):
            for part in client.api.load_image(archive):  # type: ignore[no-untyped-call] # untyped in the stubs
                if isinstance(part, dict) and part.get("error"):
                    raise LaunchFailed(f"{self._host.name} does not take the image: {part['error']}", "make room there")

    def commit(self, record: EnvironmentRecord, repository: str, tag: str, labels: Mapping[str, str]) -> str:
        """Make an image of an environment's files, with these labels; returns its name."""
        with self._patient() as client, translated(self._host, record.name):
            container = record.container_reference
            client.api.commit(container, repository=repository, tag=tag, conf={"Labels": dict(labels)})
        return f"{repository}:{tag}"

    def remove(self, image: str) -> None:
        """Remove an image if it is there; raises InUse while containers are made of it."""
        api = self._client.api
        try:
            with translated(self._host, image):
                found = api.inspect_image(image)  # type: ignore[no-untyped-call] # untyped in the stubs
                laid_out.release(api, str(found["Id"]))
                api.remove_image(image)  # with force it would stay without a name where a container is made of it
        except EnvironmentGone:
            return
        except LaunchFailed as error:
            if getattr(error.__cause__, "status_code", None) != HTTPStatus.CONFLICT:
                raise
            raise InUse(
                f"containers on {self._host.name} are made of {image}: {cause(error.__cause__ or error)}",
                "remove them; `devctl pool drain` removes those that are kept warm",
            ) from error

    def _patient(self) -> closing[docker.DockerClient]:
        """A client of its own, which waits for long."""
        return closing(connect(self._host, LONG_SECONDS))

    def _not_to_be_had(self, image: str, why: object) -> LaunchFailed:
        return LaunchFailed(
            f"the image {image!r} is not on {self._host.name} and cannot be pulled: {why}",
            "build or load it there, or name one that is there",
        )
