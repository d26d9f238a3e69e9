"""`devctl snapshot` and `devctl restore`."""

import click

from devctl.commands.listing import table
from devctl.commands.up import launched_lines, tell
from devctl.invocation import DONE, Invocation, json_option


@click.command()
@click.argument("name", required=False)
@click.argument("tag", required=False)
@click.option("--list", "listing", is_flag=True, help="List the snapshots.")
@click.option("--rm", "removed", metavar="TAG", help="Remove a snapshot.")
@json_option
@click.pass_obj
def snapshot(invocation: Invocation, name: str | None, tag: str | None, listing: bool, removed: str | None) -> int:
    """Keep the files of the environment NAME as the snapshot TAG; `devctl restore` makes an environment of it."""
    if [bool(name and tag), listing, removed is not None].count(True) != 1 or (name and not tag):
        raise click.UsageError("give NAME and TAG, or --list, or --rm TAG")
    with invocation.environments() as held:
        if removed is not None:
            held.remove_snapshot(removed)
            invocation.show({"removed": removed}, [f"removed the snapshot {removed}"])
        elif name and tag:
            made = held.snapshot(name, tag)
            words = f"{made.tag} holds the files of {name}; `devctl restore {made.tag} NEW-NAME` makes one of it"
            invocation.show(made.model_dump(mode="json"), [words])
        else:
            found = held.snapshots()
            rows = [[one.tag, one.spec.name, one.host, f"{one.created:%Y-%m-%d %H:%M}", one.owner] for one in found]
            lines = table(rows, ["TAG", "OF", "HOST", "MADE", "OWNER"]) if rows else ["no snapshots"]
            invocation.show([one.model_dump(mode="json") for one in found], lines)
    return DONE


@click.command()
@click.argument("tag")
@click.argument("name")
@json_option
@click.pass_obj
def restore(invocation: Invocation, tag: str, name: str) -> int:
    """Make the new environment NAME of the snapshot TAG."""
    with invocation.environments() as held:
        record = held.restore(tag, name, None if invocation.as_json else tell)
    invocation.show(record.model_dump(mode="json"), launched_lines(record))
    return DONE
