"""`roadcrew restore`: a workspace as an archive has it."""

from pathlib import Path

import click

from roadcrew.command import json_option, with_settings
from roadcrew.output import print_data, print_line
from roadcrew.settings import Settings


@click.command()
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@with_settings
def command(settings: Settings, archive: Path, as_json: bool) -> None:
    """Bring the workspace back as ARCHIVE has it; the workspace must be new or stopped."""
    from local import open_workspace, restore

    restore(archive, open_workspace(settings.workspace))
    if as_json:
        print_data("restore", {"archive": archive, "workspace": settings.workspace})
        return
    print_line(f"restored {settings.workspace} from {archive}")
