"""Images on hosts: fetched from a registry, or carried over from another host, before they are asked for."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, cast

from devctl.capture import Job, run
from devctl.errors import DevctlError, LaunchFailed
from devctl.fleet.database import Database
from devctl.hosts.engine import HOST_IMAGE, HostEngine
from devctl.records import Record
from devctl.sources.finding import is_image

log = logging.getLogger(__name__)

ASK_SECONDS = 120.0
"""How long the program that names images may take."""
RECENT_DAYS, MOST_IMAGES = 14, 10
_RECENT = """SELECT spec ->> 'image' AS image, count(*) AS times FROM environment
    WHERE created > now() - make_interval(days => %s) AND spec ->> 'image' <> ''
    AND spec ->> 'image' NOT LIKE 'devctl-snapshot-%%' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s"""


class ImageHost(Protocol):
    """What a Docker host does with images."""

    def has_image(self, image: str) -> bool:
        """Whether it is there."""

    def pull(self, image: str) -> None:
        """Fetch it from its registry; raises LaunchFailed."""

    def export_image(self, image: str) -> Iterator[bytes]:
        """Its archive."""

    def import_image(self, archive: Iterator[bytes]) -> None:
        """Take an archive; raises LaunchFailed."""


class Fetched(Record):
    """What came of fetching one image to one host."""

    host: str
    image: str
    how: str
    """`there`, `pulled`, `carried from HOST`, or `failed`."""
    why: str = ""


def recent_images(database: Database) -> list[str]:
    """The images of the environments of the last days, the most used first."""
    found = [str(row["image"]) for row in database.rows(_RECENT, RECENT_DAYS, MOST_IMAGES)]
    return [image for image in found if not image.startswith(HOST_IMAGE + ":") and image != HOST_IMAGE]


def wanted_images(program: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """The images that a program says will be needed, one in a line, the most urgent first.

    What is no name of an image is passed over; a program that fails is logged, and names none.
    """
    if not program:
        return []
    try:
        ended = run(Job(argv=tuple(program), env=dict(env), seconds=ASK_SECONDS))
    except OSError as error:
        log.warning("%s does not run: %s", program[0], error)
        return []
    if ended.exit_code != 0 or ended.timed_out:
        log.warning("%s does not say which images are needed: %s", program[0], ended.text.strip()[-500:])
        return []
    return [line for line in map(str.strip, ended.text.splitlines()) if is_image(line)][:MOST_IMAGES]


def bring(image: str, target: HostEngine, others: Iterable[HostEngine]) -> Fetched:
    """See to it that a host has an image: there already, from its registry, or carried over from another host.

    Raises LaunchFailed with the registry's words when nobody has it, and HostUnreachable.
    """
    host = cast("ImageHost", target)
    if host.has_image(image):
        return Fetched(host=target.name, image=image, how="there")
    source = next((other for other in others if other.name != target.name and _has(other, image)), None)
    try:
        host.pull(image)
    except LaunchFailed:
        if source is None:
            raise
        log.info("carrying %s from %s to %s", image, source.name, target.name)
        host.import_image(cast("ImageHost", source).export_image(image))
        return Fetched(host=target.name, image=image, how=f"carried from {source.name}")
    return Fetched(host=target.name, image=image, how="pulled")


def _has(engine: HostEngine, image: str) -> bool:
    try:
        return engine.backend == "docker" and cast("ImageHost", engine).has_image(image)
    except DevctlError:
        return False
