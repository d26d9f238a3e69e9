"""What a caller on another machine wants made: its source, its secrets and its tree, in our own files."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydantic import JsonValue

from devctl.errors import DevctlError, RequestInvalid
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, User
from devctl.fleet.roles import refuse_viewers
from devctl.serve.operations import Told, Wanted
from devctl.serve.records import EnvironmentView, EnvironmentWish
from devctl.serve.service import Service

_GIT = re.compile(r"(?:https|ssh|git\+ssh)://|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:(?!//)", re.IGNORECASE)
"""Addresses of repositories that are no folder of the service's machine."""


def wanted(wish: EnvironmentWish, key: str | None) -> Wanted:
    """How the operation is written down."""
    check(wish)
    subject = wish.spec.name if wish.spec else wish.name or wish.source or ""
    digest = hashlib.sha256(wish.model_dump_json().encode()).hexdigest()
    return Wanted(kind="create", subject=subject, key=key, digest=digest)


def check(wish: EnvironmentWish) -> None:
    """Raise RequestInvalid for what would read files of the service's machine, or what says nothing."""
    if (wish.spec is None) == (wish.source is None):
        raise RequestInvalid("give either a spec or a source", "a source is an image or a git address")
    given = wish.spec.secrets if wish.spec else wish.overrides.secrets if wish.overrides else ()
    if given:
        raise RequestInvalid(
            "a secret's source would be a file of the service's machine", "send the contents in `secrets`"
        )
    if wish.source is not None and wish.tree is None and not is_remote(wish.source):
        raise RequestInvalid(
            f"the source {wish.source!r} is no image and no https or ssh address of a repository",
            "send its files as an upload, and name that in `tree`",
        )


def is_remote(source: str) -> bool:
    """Whether a source says nothing about the files of this machine."""
    from devctl.sources.finding import is_image

    return bool(_GIT.match(source)) or (is_image(source) and not Path(source).exists())


def maker(service: Service, user: User, wish: EnvironmentWish) -> Callable[[Told], JsonValue]:
    """The work of an operation that makes the environment."""
    if wish.tree:
        service.uploads.find(user, wish.tree)

    def make(told: Told) -> JsonValue:
        with ExitStack() as cleanup:
            tree = cleanup.enter_context(service.uploads.used(user, wish.tree)) if wish.tree else None
            spec, files = _resolved(service, user, wish, tree, cleanup, told)
            record = _up(service, user, wish, spec, files, told)
            return shown(service.view(record))

    return make


def shown(view: EnvironmentView) -> JsonValue:
    """The environment as the result of an operation."""
    value: JsonValue = view.model_dump(mode="json")
    return value


def _up(
    service: Service, user: User, wish: EnvironmentWish, spec: EnvironmentSpec, tree: Path | None, told: Told
) -> EnvironmentRecord:
    if not wish.secrets:
        return service.fleet.up(user, spec, tree, told)
    place, files = service.secrets.write(wish.secrets)
    try:
        return service.fleet.up(user, spec.model_copy(update={"secrets": files}), tree, told)
    except DevctlError:
        service.secrets.drop(place)
        raise


def _resolved(
    service: Service, user: User, wish: EnvironmentWish, tree: Path | None, cleanup: ExitStack, told: Told
) -> tuple[EnvironmentSpec, Path | None]:
    """What is to be made, and of which files."""
    if wish.spec is not None:
        return wish.spec, tree
    from devctl.fleet.sourcing import build_image
    from devctl.sources import EngineFacts, resolve

    refuse_viewers(user)
    # a repository's files may ask for variables of the machine that reads them, which are no business of callers
    settings = service.devctl.model_copy(update={"local_env": {}})
    facts = EngineFacts(default_image=service.fleet.default_image(settings))
    source = str(wish.source) if tree is None else _inside(tree, wish.path)
    with service.ahead.entered(user, wish.name, wish.overrides) as ahead, _as_sent(tree):
        resolved = cleanup.enter_context(
            resolve(source, name=wish.name, overrides=wish.overrides, settings=settings, engine_facts=facts)
        )
        spec = resolved.spec.model_copy(update={"source": str(wish.source)})
        if resolved.build is not None:
            ahead.settle(spec)
            spec = spec.model_copy(update={"image": build_image(service.fleet, settings, user, resolved, told)})
    return spec.model_copy(update={"command": wish.command} if wish.command else {}), resolved.tree


def _inside(tree: Path, path: str) -> str:
    """What of an upload is the source; raises SourceInvalid and RequestInvalid."""
    from devctl.sources.finding import recognise, within

    with _as_sent(tree):
        found = within(tree, tree / path)
        if recognise(str(found)).kind == "git":
            raise RequestInvalid("the upload is a bare repository", "send its files, as `git clone` lays them out")
    return str(found)


@contextmanager
def _as_sent(tree: Path | None) -> Iterator[None]:
    """Name files in errors as their sender does, without our folders."""
    try:
        yield
    except DevctlError as error:
        if tree is not None:
            words = error.message.replace(f"{tree.resolve()}/", "").replace(f"{tree}/", "")
            error.message = words.replace(str(tree), "the upload")
        raise
