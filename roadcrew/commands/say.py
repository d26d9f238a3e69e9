"""`roadcrew say`: a word to the team while it works."""

from __future__ import annotations

import click

from roadcrew.command import json_option, with_settings
from roadcrew.output import print_data, print_line
from roadcrew.settings import Settings


@click.command()
@click.argument("feature")
@click.argument("words", nargs=-1, required=True)
@json_option
@with_settings
def command(settings: Settings, feature: str, words: tuple[str, ...], as_json: bool) -> None:
    """Say something to a delivery (F-12): each role hears it at its next step."""
    from roadcrew.assembly import open_office
    from roadcrew.edges import workspace_in_use
    from roadcrew.features import find_feature
    from roadcrew.planning import say

    with workspace_in_use(settings) as workspace, open_office(settings, workspace) as office:
        thread = find_feature(office, feature).id
        say(office, thread, " ".join(words))
    if as_json:
        print_data("say", {"feature": thread})
    else:
        print_line(f"said to {thread}: each role hears it at its next step")
