"""`roadcrew backup`: the whole workspace in one archive, taken while the servers run."""

from pathlib import Path

import click

from roadcrew.command import json_option, with_settings
from roadcrew.errors import Conflict
from roadcrew.output import print_data, print_line
from roadcrew.settings import Settings


@click.command()
@click.argument("archive", type=click.Path(dir_okay=False, path_type=Path))
@json_option
@with_settings
def command(settings: Settings, archive: Path, as_json: bool) -> None:
    """Write the workspace (roadmap, jobs, repositories, artifacts, secrets) into ARCHIVE."""
    from local import backup
    from roadcrew.edges import workspace_in_use

    if archive.exists():
        raise Conflict(f"{archive} is already there", "give another name, or move it away")
    with workspace_in_use(settings) as workspace:
        backup(workspace, archive)
    size = archive.stat().st_size
    if as_json:
        print_data("backup", {"archive": archive, "bytes": size, "workspace": settings.workspace})
        return
    print_line(f"wrote {archive} ({size / 1_000_000:.1f} MB); it holds the workspace's secrets: keep it private")
