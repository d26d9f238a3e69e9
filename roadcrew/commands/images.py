"""`roadcrew images`: which images ready tasks will need."""

from __future__ import annotations

import click

from roadcrew.command import json_option, with_settings
from roadcrew.output import print_data, print_line
from roadcrew.settings import Settings


@click.command(epilog="Set DEVCTL_WANTED_IMAGES='roadcrew images' to have devctl fetch them to its hosts beforehand.")
@json_option
@with_settings
def command(settings: Settings, as_json: bool) -> None:
    """Name the images of the repositories that have ready tasks, one in a line, the most urgent first."""
    from roadcrew.assembly import open_office
    from roadcrew.edges import workspace_in_use
    from roadcrew.needed_images import needed_images

    with workspace_in_use(settings) as workspace, open_office(settings, workspace) as office:
        needed = needed_images(office)
    if as_json:
        print_data("images", needed)
        return
    for image in dict.fromkeys(one.image for one in needed):
        print_line(image)
