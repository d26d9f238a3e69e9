"""`roadcrew approve`: a person's yes to a plan or a pull request."""

from __future__ import annotations

import click

from roadcrew.command import json_option, with_settings
from roadcrew.settings import Settings


@click.command()
@click.argument("feature", required=False)
@click.option("--wait/--no-wait", default=None, help="Go on working until it waits again.  [default: on a terminal]")
@json_option
@with_settings
def command(settings: Settings, feature: str | None, wait: bool | None, as_json: bool) -> None:
    """Approve the plan or the pull request that a delivery (F-12, or the newest) waits with."""
    from roadcrew.approving import approve
    from roadcrew.closing import print_standing
    from roadcrew.crewing import go_on

    print_standing("approve", go_on(settings, feature, approve, wait), as_json)
