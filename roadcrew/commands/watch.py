"""`roadcrew watch`: the live task graph of a delivery that other processes work on."""

from __future__ import annotations

import click

from roadcrew.command import with_settings
from roadcrew.settings import Settings


@click.command()
@click.argument("feature", required=False)
@with_settings
def command(settings: Settings, feature: str | None) -> None:
    """Show the live task graph of a delivery (F-12, or the newest) until it ends; Ctrl-C stops looking."""
    from roadcrew.assembly import open_office
    from roadcrew.closing import print_standing
    from roadcrew.edges import workspace_in_use
    from roadcrew.features import find_feature, look_at
    from roadcrew.live import follow

    with workspace_in_use(settings) as workspace, open_office(settings, workspace) as office:
        thread = find_feature(office, feature).id
        standing = follow(lambda: look_at(office, thread), lambda one: one.status in ("done", "stopped"))
    print_standing("watch", standing, as_json=False)
