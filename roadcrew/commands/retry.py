"""`roadcrew retry`: go on with a delivery that stands still."""

from __future__ import annotations

import sys

import click

from roadcrew.command import json_option, with_settings
from roadcrew.output import print_data, print_line
from roadcrew.settings import Settings


@click.command()
@click.argument("feature", required=False)
@click.option("--wait/--no-wait", default=None, help="Go on working until it waits again.  [default: on a terminal]")
@json_option
@with_settings
def command(settings: Settings, feature: str | None, wait: bool | None, as_json: bool) -> None:
    """Go on with a delivery (F-12, or the newest) that failed or stands still, from where it stood."""
    from roadcrew.assembly import open_office
    from roadcrew.commands.run import closing_lines
    from roadcrew.crewing import retry, settle
    from roadcrew.edges import workspace_in_use
    from roadcrew.features import find_feature, look_at

    with workspace_in_use(settings) as workspace, open_office(settings, workspace) as office:
        thread = find_feature(office, feature).id
        retry(office, thread)
        if sys.stderr.isatty() if wait is None else wait:
            settle(office, thread)
        standing = look_at(office, thread)
    if as_json:
        print_data("retry", standing)
        return
    for line in closing_lines(standing, None):
        print_line(line)
