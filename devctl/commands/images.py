"""`devctl images`: what was built."""

import click

from devctl.invocation import DONE, Invocation, json_option


@click.group()
def images() -> None:
    """List and remove the images that devctl built."""


@images.command("ls")
@json_option
@click.pass_obj
def list_images(invocation: Invocation) -> int:
    """List them, newest first."""
    found = invocation.images().list()
    lines = [
        f"{next(iter(image.tags[::-1]), image.id[7:19]):60} {image.size_mb:9.1f} MiB  "
        f"{image.created:%Y-%m-%d %H:%M}  {image.owner}"
        for image in found
    ]
    invocation.show([image.model_dump(mode="json") for image in found], lines or ["no images were built"])
    return DONE


@images.command("rm")
@click.argument("names", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Also where stopped containers are made of it.")
@json_option
@click.pass_obj
def remove(invocation: Invocation, names: tuple[str, ...], force: bool) -> int:
    """Remove images that devctl built, with all their names."""
    held = invocation.images()
    removed = [tag for name in names for tag in held.remove(name, force)]
    invocation.show({"removed": removed}, [f"removed {tag}" for tag in removed])
    return DONE
