"""Images on hosts: fetched from a registry, or carried over from another host, before they are asked for."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from devctl.capture import Job, run
from devctl.errors import DevctlError, LaunchFailed
from devctl.fleet.database import Database
from devctl.hosts.engine import HOST_IMAGE, HostEngine
from devctl.records import Record
from devctl.sources.finding import is_image

if TYPE_CHECKING:
    from devctl.hosts.stored_images import StoredImages

log = logging.getLogger(__name__)

ASK_SECONDS = 120.0
"""How long the program that names images may take."""
RECENT_DAYS, MOST_IMAGES = 14, 10
_RECENT = """SELECT spec ->> 'image' AS image, count(*) AS times FROM environment
    WHERE created > now() - make_interval(days => %s) AND spec ->> 'image' <> ''
    AND spec ->> 'image' NOT LIKE 'devctl-snapshot-%%' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s"""


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
    images = target.images
    if images is None or images.has(image):
        return Fetched(host=target.name, image=image, how="there")
    source = next(
        ((other.name, one) for other in others if other.name != target.name if (one := _having(other, image))), None
    )
    try:
        images.pull(image)
    except LaunchFailed:
        if source is None:
            raise
        name, stored = source
        log.info("carrying %s from %s to %s", image, name, target.name)
        images.load(stored.export(image))
        return Fetched(host=target.name, image=image, how=f"carried from {name}")
    return Fetched(host=target.name, image=image, how="pulled")


def _having(engine: HostEngine, image: str) -> "StoredImages | None":
    """The images of a host that has this one; of one that does not answer nothing is expected."""
    try:
        images = engine.images
        return images if images is not None and images.has(image) else None
    except DevctlError:
        return None
