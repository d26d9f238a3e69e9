"""`roadcrew retry`: go on with a delivery that stands still."""

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
    """Go on with a delivery (F-12, or the newest) that failed or stands still, from where it stood."""
    from roadcrew.closing import print_standing
    from roadcrew.crewing import go_on, retry

    print_standing("retry", go_on(settings, feature, retry, wait), as_json)
