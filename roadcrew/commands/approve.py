"""`roadcrew approve`: a person's yes to a plan or a pull request."""

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
    """Approve the plan or the pull request that a delivery (F-12, or the newest) waits with."""
    from roadcrew.approving import approve
    from roadcrew.assembly import open_office
    from roadcrew.commands.run import closing_lines
    from roadcrew.crewing import settle
    from roadcrew.edges import workspace_in_use
    from roadcrew.features import find_feature, look_at

    with workspace_in_use(settings) as workspace, open_office(settings, workspace) as office:
        thread = find_feature(office, feature).id
        approve(office, thread)
        if sys.stderr.isatty() if wait is None else wait:
            settle(office, thread)
        standing = look_at(office, thread)
    if as_json:
        print_data("approve", standing)
        return
    for line in closing_lines(standing, None):
        print_line(line)
