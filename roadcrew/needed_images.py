"""The images that people and programs will need for the tasks that can be begun."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from devctl import DevctlError
from devctl.sources.needed import images_needed, tells_images
from roadcrew.assembly import Office
from tools.errors import ToolsError

logger = logging.getLogger(__name__)

MOST_TASKS = 200
"""Ready tasks that are looked at, urgent ones first."""
MOST_FILES = 100
"""Files of one repository that are asked."""


class NeededImage(BaseModel):
    """An image, and for whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    repository: str
    tasks: int
    """Ready tasks of the repository among those that were looked at."""


def needed_images(office: Office) -> list[NeededImage]:
    """Return the images of the repositories that have ready tasks, in the order of their most urgent ones.

    What a repository's devcontainer.json or Dockerfile names on its default branch counts. One that names nothing, or that
    cannot be read, is left out; the latter is logged.
    """
    tasks: dict[str, int] = {}
    for task in office.crew.reader.ready(limit=MOST_TASKS):
        repository = task.feature_id.rpartition("/")[0]
        tasks[repository] = tasks.get(repository, 0) + 1
    found = []
    for repository, count in tasks.items():
        try:
            images = _images_of(office, repository)
        except (ToolsError, DevctlError) as fault:
            logger.warning("the images of %s are not known: %s", repository, fault)
            continue
        found += [NeededImage(image=image, repository=repository, tasks=count) for image in images]
    return found


def _images_of(office: Office, repository: str) -> tuple[str, ...]:
    mirror = office.crew.desk(repository).mirror
    branch = mirror.default_branch()
    if branch is None:
        return ()
    mirror.fetch(branch)
    commit = mirror.require(branch)
    paths = [entry.path for entry in mirror.files(commit) if tells_images(entry.path)][:MOST_FILES]
    with tempfile.TemporaryDirectory(prefix="rc-images-") as folder:
        for path, content in mirror.read_many(commit, paths).items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return images_needed(Path(folder))
