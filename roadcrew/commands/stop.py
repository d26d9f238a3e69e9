"""`roadcrew stop`: a delivery, or the servers of the workspace."""

from __future__ import annotations

import uuid

import click

from roadcrew.command import json_option, with_settings
from roadcrew.output import print_data, print_line
from roadcrew.settings import Settings


@click.command()
@click.argument("feature", required=False)
@click.option("--servers", is_flag=True, help="Stop the workspace's servers instead.")
@json_option
@with_settings
def command(settings: Settings, feature: str | None, servers: bool, as_json: bool) -> None:
    """Stop a delivery (F-12) for good, or with --servers all servers of the workspace."""
    if servers == (feature is not None):
        raise click.UsageError("name a delivery such as F-12, or give --servers")
    if servers:
        stop_servers(settings)
        if as_json:
            print_data("stop", {"servers": "stopped"})
        else:
            print_line("the servers are stopped")
        return
    from roadcrew.assembly import open_office
    from roadcrew.edges import workspace_in_use
    from roadcrew.features import find_feature

    with workspace_in_use(settings) as workspace, open_office(settings, workspace) as office:
        thread = find_feature(office, feature)
        office.engine.tell(thread.id, "stop", f"stop:{uuid.uuid4().hex}", {"by": "person"})
        office.engine.advance(thread.id)
    if as_json:
        print_data("stop", {"feature": thread.id})
    else:
        print_line(f"{thread.id} is stopped; its branch and its record in the roadmap stay")


def stop_servers(settings: Settings) -> None:
    """Stop the embedded servers, also those that were left running with --keep or --detach."""
    from local import open_workspace, stop

    workspace = open_workspace(settings.workspace)
    (workspace.path / "run" / "kept").unlink(missing_ok=True)
    stop(workspace)
