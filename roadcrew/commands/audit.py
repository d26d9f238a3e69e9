"""`roadcrew audit`: who wanted what in a delivery, what was decided, and why."""

from __future__ import annotations

import click

from roadcrew.command import json_option, with_settings
from roadcrew.output import print_data, print_line, print_table
from roadcrew.settings import Settings


@click.command()
@click.argument("feature", required=False)
@click.option("--refused", is_flag=True, help="Only what was denied, or could not be carried out.")
@json_option
@with_settings
def command(settings: Settings, feature: str | None, refused: bool, as_json: bool) -> None:
    """Show the audit of a delivery (F-12; the newest one where none is named), the oldest event first."""
    from roadcrew.assembly import open_office
    from roadcrew.edges import workspace_in_use
    from roadcrew.features import find_feature

    with workspace_in_use(settings) as workspace, open_office(settings, workspace) as office:
        thread = find_feature(office, feature).id
        rows = office.crew.audit.of([thread, *(child.id for child in office.crew.threads.children(thread))])
    shown = [row for row in rows if row.refused or not refused]
    if as_json:
        print_data("audit", {"feature": thread, "events": shown})
        return
    if not shown:
        print_line(f"nothing {'was refused' if refused else 'is in the audit'} in {thread}")
        return
    print_table(
        ["time", "turn", "who", "wanted", "decision", "reasons", "outcome"],
        [
            [f"{row.at:%H:%M:%S}", row.turn, row.who, row.tool, row.decision, "; ".join(row.reasons), row.outcome]
            for row in shown
        ],
        title=thread,
    )
