"""Images that callers have built, made by answers, or scanned: whose they are, and what they may be called."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from devctl.admission.owners import OWN
from devctl.builder.records import BuildStep, ImageInfo
from devctl.builder.telling import step_lines
from devctl.errors import LaunchRefused, RequestInvalid
from devctl.fleet.records import User
from devctl.fleet.roles import refuse_viewers
from devctl.records import Record
from devctl.serve.image_records import BuildWish, WizardForm
from devctl.serve.operations import Told
from devctl.serve.service import Service
from devctl.wizard.records import WizardRequest

if TYPE_CHECKING:
    from devctl.builder import Builder

_PART = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*")

Work = Callable[[Told], JsonValue]


def building(service: Service, user: User, wish: BuildWish) -> Work:
    """The work that builds; raises LaunchRefused, NoSuchResource and RequestInvalid at once."""
    _may_make(user, wish.tag)
    tree = service.uploads.find(user, wish.tree)
    if Path(wish.dockerfile).is_absolute():
        raise RequestInvalid(f"{wish.dockerfile!r} is no path in the upload", "give it relative to the upload's top")
    plan, options = wish.plan(tree), wish.options(user.name)

    def work(told: Told) -> JsonValue:
        from devctl.builder.admitted import decide_bases

        with service.uploads.used(user, wish.tree), _builder(service) as builder:
            name, bases = wish.tag or wish.dockerfile, builder.bases(plan, options)
            decide_bases(service.fleet.parts.admission, builder, user, name, bases)
            return _json(builder.build(plan, _steps(told), options))

    return work


def wizard_work(service: Service, user: User, wish: WizardRequest) -> Work:
    """The work that makes an image of answers; raises LaunchRefused."""
    _may_make(user, wish.tag)

    def work(told: Told) -> JsonValue:
        from devctl.wizard import open_wizard

        with open_wizard(service.devctl) as wizard:
            return _json(wizard.make(user, wish, _steps(told)))

    return work


def wizard_form(service: Service, user: User) -> WizardForm:
    """What the wizard asks, and what it made for the caller, for everybody where an admin asks."""
    from devctl.wizard.wizard import bases, custom_images

    owner = None if user.role == "admin" else user.name
    made = custom_images(service.fleet.parts.database, owner)
    prefix = "" if user.role == "admin" else f"{OWN}/{user.name}/"
    return WizardForm(bases=tuple(bases()), prefix=prefix, images=tuple(made))


def own_images(service: Service, user: User) -> tuple[ImageInfo, ...]:
    """What was built for the caller, all for an admin, newest first."""
    with _builder(service) as builder:
        return tuple(one for one in builder.images() if user.role == "admin" or one.owner == user.name)


def remove_image(service: Service, user: User, reference: str, force: bool) -> list[str]:
    """Remove an image that was built for the caller, any for an admin; returns its names.

    Raises LaunchRefused for somebody else's, or one that somebody else has named too.
    """
    refuse_viewers(user)
    with _builder(service) as builder:
        if user.role != "admin":
            mine = next((one for one in builder.images() if one.owner == user.name and _is(one, reference)), None)
            if mine is None or force or any(_is_others(tag, user) for tag in mine.tags):
                raise LaunchRefused(
                    f"{user.name} may not remove {reference!r}",
                    ("users remove images that were built for them alone, and without force",),
                    "`GET /v1/images` lists them; ask an admin for others",
                )
        return builder.remove(reference, force)


def _may_make(user: User, tag: str | None) -> None:
    refuse_viewers(user)
    if user.role == "admin" or tag is None:
        return
    prefix = f"{OWN}/{user.name}/"
    if not _PART.fullmatch(user.name) or not tag.startswith(prefix):
        raise LaunchRefused(
            f"{user.name} may not call an image {tag!r}",
            ("a name outside the user's own could be taken for another image",),
            f"call it {prefix}NAME",
        )


def _is(image: ImageInfo, reference: str) -> bool:
    return reference in (image.id, *image.tags)


def _is_others(tag: str, user: User) -> bool:
    return tag.startswith(f"{OWN}/") and not tag.startswith(f"{OWN}/{user.name}/")


def _builder(service: Service) -> "Builder":
    from devctl.builder import open_builder

    return open_builder(service.devctl)


def _steps(told: Told) -> Callable[[BuildStep], None]:
    def step(one: BuildStep) -> None:
        for line in step_lines(one) if one.state != "output" else ():
            told(line)

    return step


def _json(record: Record) -> JsonValue:
    value: JsonValue = record.model_dump(mode="json")
    return value
