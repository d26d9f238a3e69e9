"""`roadcrew image`: images that people made with devctl, in the roadmap."""

from __future__ import annotations

import sys
from datetime import datetime

import click
from pydantic import BaseModel, ConfigDict, ValidationError

from roadcrew.command import json_option, with_settings
from roadcrew.errors import InputInvalid
from roadcrew.output import print_data, print_line
from roadcrew.settings import Settings


class _Image(BaseModel):
    """What devctl says of an image; what the roadmap does not keep is passed over."""

    model_config = ConfigDict(extra="ignore")

    owner: str
    tag: str
    build_time: datetime
    base: str = ""
    image_id: str = ""
    packages: dict[str, tuple[str, ...]] = {}


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore")

    image: _Image


@click.command(epilog="Set DEVCTL_ON_IMAGE_BUILT='roadcrew image' to have devctl call it after each image.")
@json_option
@with_settings
def command(settings: Settings, as_json: bool) -> None:
    """Write an image into the roadmap as a CustomImage; the event of `devctl wizard` is read from standard input."""
    from graph import Change, CustomImage, Roadmap
    from roadcrew.edges import graph_ends, workspace_in_use

    try:
        told = _Event.model_validate_json(sys.stdin.read()).image
    except ValidationError as fault:
        problem = fault.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the text"
        raise InputInvalid(
            f"this is no event of an image: {place}: {problem['msg']}", "give what devctl writes to its hook"
        ) from fault
    names = tuple(f"{manager}:{name}" for manager, listed in sorted(told.packages.items()) for name in listed)
    image = CustomImage(
        owner=told.owner,
        tag=told.tag,
        build_time=told.build_time,
        base=told.base,
        image_id=told.image_id,
        packages=names,
    )
    with workspace_in_use(settings) as workspace, Roadmap(graph_ends(settings, workspace).writer) as roadmap:
        roadmap.migrate()
        roadmap.record_custom_image(image, Change(who="integrator", why=f"{told.owner} built it with devctl"))
    if as_json:
        print_data("image", {"id": image.id})
        return
    print_line(f"recorded {image.id}")
