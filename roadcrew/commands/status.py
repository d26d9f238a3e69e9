"""`roadcrew status`: where deliveries stand."""

from __future__ import annotations

import click

from roadcrew.command import json_option, with_settings
from roadcrew.output import print_data, print_line, print_table
from roadcrew.settings import Settings


@click.command()
@click.argument("feature", required=False)
@json_option
@with_settings
def command(settings: Settings, feature: str | None, as_json: bool) -> None:
    """Show where all deliveries stand, or one of them (F-12) task by task."""
    from roadcrew.assembly import open_office
    from roadcrew.edges import workspace_in_use
    from roadcrew.features import find_feature
    from roadcrew.standing import standing_of

    with workspace_in_use(settings) as workspace, open_office(settings, workspace) as office:
        if feature:
            threads = [find_feature(office, feature)]
        else:
            threads = [thread for thread in office.crew.threads.every() if thread.kind == "feature"]
        standings = [standing_of(office.crew, thread) for thread in threads]
    if as_json:
        print_data("status", standings)
    elif not standings:
        print_line("no deliveries yet: start one with `roadcrew run`")
    elif feature:
        from roadcrew.closing import closing_lines

        one = standings[0]
        rows = [(t.key, t.title, t.status, t.stage, t.round or "", t.calls, f"{t.tokens:,}") for t in one.tasks]
        print_table(["task", "title", "status", "stage", "round", "calls", "tokens"], rows)
        for line in closing_lines(one, None):
            print_line(line)
    else:
        rows2 = [(s.id, s.title, s.status, s.waits_for or s.verdict, s.calls, f"{s.tokens:,}") for s in standings]
        print_table(["delivery", "title", "status", "waits for", "calls", "tokens"], rows2)
