"""Which images an environment of a folder is made of, told before anything is built or launched."""

import re
from pathlib import Path

from devctl.records import WORKDIR
from devctl.sources.devcontainer import read_devcontainer
from devctl.sources.fields import read_document
from devctl.sources.finding import find_config, is_image, within
from devctl.sources.variables import Variables

_NAMES = re.compile(r"(?:.*/)?(?:\.?devcontainer\.json|[^/]*Dockerfile[^/]*)")


def tells_images(path: str) -> bool:
    """Whether a file of a folder may be asked; a copy of these alone can stand for the folder."""
    return _NAMES.fullmatch(path) is not None


def images_needed(tree: Path) -> tuple[str, ...]:
    """The image that a folder's devcontainer.json names, or those that its Dockerfile builds on; none where none is said.

    Raises SourceInvalid and BuildRefused.
    """
    from devctl.builder.digest import bases_of

    config = find_config(tree, None)
    dockerfile, args = tree / "Dockerfile", dict[str, str]()
    if config is not None:
        container = read_devcontainer(read_document(config), Variables(tree, WORKDIR, {}, config))
        if container.build is None:
            return (container.image,) if container.image and is_image(container.image) else ()
        dockerfile, args = within(tree, config.parent / container.build.dockerfile), dict(container.build.args)
    return tuple(filter(is_image, bases_of(dockerfile.read_bytes(), args))) if dockerfile.is_file() else ()
