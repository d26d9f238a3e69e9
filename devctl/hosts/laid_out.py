"""Images that hold an environment's folders already: made of images that are launched more than once.

Unpacking the folders into every new container takes a quarter of its launch; a container of such an image has them.

An image is taken by the id that this devctl home wrote down when it made it, never by its name: whoever may give
names to images must not choose what others launch. Homes therefore share none. An image is out of use after
`DAYS`, and any home removes those out of use, and those whose own image has lost its last name, before it makes
another; what containers are made of stays until they have gone.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from devctl.locks import locked, tried

log = logging.getLogger(__name__)

REPOSITORY = "devctl-laid-out"
BASE_LABEL = "devctl.image"
"""The label of a container that names the id of the image it was asked for."""
DAYS = 7
T = TypeVar("T")
_ONCE, _NEVER = "once", "never"
_MAKING_SECONDS = 3600


class LaidOutImages:
    """Those of one devctl home on one engine; its folder must be the user's alone."""

    def __init__(self, api: docker.APIClient, folder: Path, engine: str) -> None:
        """`engine` tells this engine from the others of the same folder."""
        self._api = api
        self._folder = folder
        self._engine = engine

    def create(self, image_id: str, archive: bytes, create: Callable[[str], T]) -> tuple[T, bool]:
        """Create a container by calling `create` with an image's id; says also whether it has its folders already.

        Raises what `create` does for the image itself.
        """
        made_of = self.find(image_id, archive)
        if made_of is not None:
            try:
                return create(made_of), True
            except ImageNotFound:
                self._note(image_id, archive).unlink(missing_ok=True)
        return create(image_id), False

    def find(self, image_id: str, archive: bytes) -> str | None:
        """The id of the image with an archive unpacked at its root, or None; the archive is the same bytes each time.

        It is made when it is asked for a second time, by one caller; others do without meanwhile. There is none of
        an image that declares volumes, as what lies below one is not kept in images.
        """
        note = self._note(image_id, archive)
        known = _read(note)
        if known == _NEVER:
            return None
        if known not in ("", _ONCE):
            return known
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not known:
            _write(note, _ONCE)
            return None
        with tried(note.with_suffix(".lock")) as mine:
            if not mine:
                return None
            if (known := _read(note)) not in ("", _ONCE):
                return None if known == _NEVER else known
            made = self._try_to_make(image_id, archive)
            _write(note, made or _NEVER)
            return made

    def prune(self) -> None:
        """Remove all that this home made, but for what containers are made of; it is made again when it is wanted."""
        remove_unused(self._api)
        name = self._home()
        for image, tag in _listed(self._api):
            if tag.startswith(f"{name}-"):
                _remove(self._api, f"{REPOSITORY}:{tag}", image)
        for note in self._folder.glob("*.id"):
            note.unlink(missing_ok=True)

    def _note(self, image_id: str, archive: bytes) -> Path:
        parts = (self._engine.encode(), image_id.encode(), hashlib.sha256(archive).digest())
        return self._folder / f"{hashlib.sha256(b'|'.join(parts)).hexdigest()[:32]}.id"

    def _home(self) -> str:
        """The word by which this home knows what it made."""
        path = self._folder / "home"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self._folder / "home.lock"):
            if not (found := _read(path, days=None)):
                found = secrets.token_hex(4)
                _write(path, found)
        return found

    def _try_to_make(self, image_id: str, archive: bytes) -> str | None:
        try:
            self._sweep()
            remove_unused(self._api)
            config = self._api.inspect_image(image_id).get("Config") or {}  # type: ignore[no-untyped-call] # untyped in the stubs
            if config.get("Volumes"):
                return None
            starts = bool(config.get("Entrypoint") or config.get("Cmd"))
            return self._make(image_id, archive, starts)
        except (DockerException, OSError) as error:
            log.warning("the folders of %s are laid out in each container, as no image is made: %s", image_id, error)
            return None

    def _sweep(self) -> None:
        """Remove notes out of use."""
        for note in self._folder.glob("*.id"):
            if not _read(note):
                note.with_suffix(".lock").unlink(missing_ok=True)
                note.unlink(missing_ok=True)

    def _make(self, image_id: str, archive: bytes, starts: bool) -> str:
        """Commit a container that never starts; its image keeps the settings of the one that it is made of."""
        home = self._home()
        container = self._api.create_container(
            image_id,
            name=f"{REPOSITORY}-{home}-{secrets.token_hex(4)}",
            entrypoint=None if starts else ["sleep"],
            host_config=self._api.create_host_config(network_mode="none"),
        )["Id"]
        try:
            self._api.put_archive(container, "/", archive)
            tag = f"{home}-{image_id.removeprefix('sha256:')}-{secrets.token_hex(4)}"
            made = str(self._api.commit(container, repository=REPOSITORY, tag=tag)["Id"])
        finally:
            _remove_container(self._api, container)
        log.info("made %s of %s", made, image_id)
        return made


def remove_unused(api: docker.APIClient) -> None:
    """Remove those out of use, those whose own image has no name any more, and what a killed maker left."""
    for image, tag in _listed(api):
        if time.time() - image["Created"] > DAYS * 86_400 or not _is_named(api, _base(tag)):
            _remove(api, f"{REPOSITORY}:{tag}", image)
    for container in api.containers(all=True, filters={"name": f"{REPOSITORY}-", "status": "created"}):
        ours = container["Names"][0].startswith(f"/{REPOSITORY}-")
        if ours and time.time() - container["Created"] > _MAKING_SECONDS:
            _remove_container(api, container["Id"])


def release(api: docker.APIClient, image_id: str) -> None:
    """Remove those that were made of an image, before that one is removed; what containers are made of stays."""
    for image, tag in _listed(api):
        if _base(tag) == image_id:
            _remove(api, f"{REPOSITORY}:{tag}", image)


def is_laid_out(names: tuple[str, ...]) -> bool:
    """Whether an image with these names is one of these."""
    return bool(names) and all(name.startswith(f"{REPOSITORY}:") for name in names)


def _listed(api: docker.APIClient) -> Iterator[tuple[dict[str, Any], str]]:
    """Each with its tag."""
    for image in api.images(name=REPOSITORY):
        for name in image.get("RepoTags") or ():
            if name.startswith(f"{REPOSITORY}:") and name.count("-") >= 4:
                yield image, name.removeprefix(f"{REPOSITORY}:")


def _base(tag: str) -> str:
    """The id of the image that one was made of, as its tag tells."""
    return f"sha256:{tag.split('-')[1]}"


def _remove(api: docker.APIClient, name: str, image: dict[str, Any]) -> None:
    try:
        api.remove_image(name)
    except ImageNotFound:
        log.debug("%s was gone", name)
    except APIError as error:
        log.debug("the image %s (%s) stays: %s", name, image.get("Id"), error)


def _remove_container(api: docker.APIClient, container: str) -> None:
    try:
        api.remove_container(container, force=True, v=True)
    except NotFound:
        log.debug("%s was gone", container)


def _is_named(api: docker.APIClient, image_id: str) -> bool:
    try:
        found = api.inspect_image(image_id)  # type: ignore[no-untyped-call] # untyped in the stubs
    except APIError as error:  # 404, and 400 to what is no id
        return bool(error.is_server_error())
    return bool(found.get("RepoTags") or found.get("RepoDigests"))


def _read(path: Path, days: float | None = DAYS) -> str:
    """What a note says; nothing once it is out of use."""
    try:
        with path.open() as file:
            age = time.time() - path.stat().st_mtime
            return "" if days is not None and age > days * 86_400 else file.read()
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    new.write_text(text)
    new.replace(path)
