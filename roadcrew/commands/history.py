"""`roadcrew history`: a feature's story, told from the roadmap alone."""

from __future__ import annotations

import click

from roadcrew.command import json_option, with_settings
from roadcrew.output import print_data
from roadcrew.settings import Settings


@click.command()
@click.argument("feature")
@json_option
@with_settings
def command(settings: Settings, feature: str, as_json: bool) -> None:
    """Tell the story of a feature (F-12): its issue, plan, rounds, reviews, merges, people's words and end."""
    from graph import RoadmapReader
    from roadcrew.edges import graph_ends, workspace_in_use
    from roadcrew.errors import NotFound
    from roadcrew.in_roadmap import find_in_roadmap

    with (
        workspace_in_use(settings) as workspace,
        RoadmapReader(graph_ends(settings, workspace).reader) as roadmap,
    ):
        story = roadmap.story(find_in_roadmap(roadmap, feature).id)
    if story is None:
        raise NotFound(f"{feature} was removed from the roadmap just now", "")
    if as_json:
        print_data("history", story)
        return
    from roadcrew.history import print_story

    print_story(story)
