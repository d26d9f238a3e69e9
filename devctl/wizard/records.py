"""What a person answers, and what is kept of an image that came of it."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from devctl.builder.records import IMAGE
from devctl.records import Record

_VERSION = r"[A-Za-z0-9][A-Za-z0-9.+:~_-]*"
_PIP_VERSION = r"([<>=!~]=|[<>])[0-9][A-Za-z0-9.*+!_-]*"
GRAMMARS = {
    "apt": re.compile(rf"[a-z0-9][a-z0-9+.-]+(={_VERSION})?"),
    "yum": re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*"),
    "pip": re.compile(
        rf"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[A-Za-z0-9_-]+(,[A-Za-z0-9_-]+)*\])?({_PIP_VERSION}(,{_PIP_VERSION})*)?"
    ),
    "npm": re.compile(r"(@[a-z0-9][a-z0-9._~-]*/)?[a-z0-9][a-z0-9._~-]*(@[\^~]?[A-Za-z0-9][A-Za-z0-9.+-]*)?"),
}
"""A name and perhaps a version, as each manager writes them: no options, addresses, paths, spaces or line ends."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9._/-]*[a-z0-9])?")


def _checked(manager: str) -> AfterValidator:
    def check(name: str) -> str:
        if len(name) > 128 or not GRAMMARS[manager].fullmatch(name):
            raise ValueError(f"{name!r} is no plain {manager} package: give a name and perhaps a version, nothing else")
        return name

    return AfterValidator(check)


def _labels(labels: dict[str, str]) -> dict[str, str]:
    for name, value in labels.items():
        if not _LABEL.fullmatch(name) or len(value) > 1_000 or not value.isprintable():
            raise ValueError(f"the label {name!r}={value!r} is none: small letters, dots and dashes, one line of text")
        if name.startswith("devctl."):
            raise ValueError(f"the label {name!r} is devctl's own: choose another name")
    return labels


class Base(Record):
    """A base image that the wizard offers."""

    image: str
    about: str = ""
    managers: tuple[str, ...]


class WizardRequest(Record):
    """What is to be in the image."""

    base: str = Field(pattern=IMAGE)
    tag: str = Field(pattern=IMAGE)
    """What the image is to be called."""
    apt: tuple[Annotated[str, _checked("apt")], ...] = ()
    yum: tuple[Annotated[str, _checked("yum")], ...] = ()
    pip: tuple[Annotated[str, _checked("pip")], ...] = ()
    npm: tuple[Annotated[str, _checked("npm")], ...] = ()
    ports: tuple[Annotated[int, Field(ge=1, le=65_535)], ...] = ()
    user: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")] = "dev"
    """Whom commands run as; never root."""
    labels: Annotated[dict[str, str], AfterValidator(_labels)] = {}

    @property
    def packages(self) -> dict[str, tuple[str, ...]]:
        """The packages by manager, those that are wanted."""
        found = {"apt": self.apt, "yum": self.yum, "pip": self.pip, "npm": self.npm}
        return {manager: names for manager, names in found.items() if names}


class CustomImage(Record):
    """An image that the wizard made."""

    owner: str
    tag: str
    """The name that the person gave it."""
    digest_tag: str
    """The name by all that decides it."""
    image_id: str
    build_time: datetime
    base: str
    packages: dict[str, tuple[str, ...]] = {}
    dockerfile: str
    notes: tuple[str, ...] = ()
