"""`roadcrew plan`: a delivery's plan, shown, edited or sent back."""

from __future__ import annotations

import sys
from typing import TextIO

import click

from roadcrew.command import json_option, with_settings
from roadcrew.errors import InputInvalid
from roadcrew.output import print_data, print_line, print_table
from roadcrew.settings import Settings


@click.command()
@click.argument("feature", required=False)
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the plan as YAML, to be edited and given to --from.")
@click.option("--edit", is_flag=True, help="Edit the plan in your editor ($VISUAL or $EDITOR) and hand it in.")
@click.option("--from", "source", type=click.File(), help="Hand in an edited plan; - reads standard input.")
@click.option("--drop", multiple=True, metavar="KEY", help="Drop a task, such as T-1203; may be repeated.")
@click.option("--again", metavar="WORDS", help="Send the plan back: it is planned anew with these words in mind.")
@json_option
@with_settings
def command(
    settings: Settings,
    feature: str | None,
    as_yaml: bool,
    edit: bool,
    source: TextIO | None,
    drop: tuple[str, ...],
    again: str | None,
    as_json: bool,
) -> None:
    """Show the plan of a delivery (F-12, or the newest), or change it.

    While the plan waits for approval everything in it can be changed; later, tasks that have not begun.
    """
    ways = [
        name for name, given in (("--edit", edit), ("--from", source), ("--drop", drop), ("--again", again)) if given
    ]
    if len(ways) > 1:
        raise click.UsageError(f"give one of {' and '.join(ways)}, not both")
    from roadcrew import planning
    from roadcrew.assembly import open_office
    from roadcrew.edges import workspace_in_use
    from roadcrew.features import find_feature
    from specs import plan_yaml

    with workspace_in_use(settings) as workspace, open_office(settings, workspace) as office:
        thread = find_feature(office, feature).id
        plan = planning.plan_of(office, thread)
        text = plan_yaml(plan.proposal, plan.names)
        if again is not None:
            planning.send_back(office, thread, again)
        elif drop:
            planning.send_drop(office, thread, drop)
        elif edit or source is not None:
            planning.send_edit(office, thread, _edited_text(text, source))
    if ways:
        print_data("plan", {"feature": thread, "sent": ways[0]}) if as_json else print_line(
            f"handed in; `roadcrew watch {thread.rsplit('/', 1)[-1]}` shows what becomes of it"
        )
    elif as_json:
        print_data("plan", {"feature": thread, "plan": plan.proposal, "tasks": plan.names})
    elif as_yaml:
        print_line(text.rstrip())
    else:
        rows = [(task.key, task.task.title, task.task.assignee, " ".join(task.depends_on)) for task in plan.tasks]
        print_table(("task", "title", "by", "after"), rows, title=plan.proposal.title)


def _edited_text(text: str, source: TextIO | None) -> str:
    if source is not None:
        return str(source.read())
    if not sys.stdin.isatty():
        raise InputInvalid("there is no terminal to edit in", "use --yaml and --from")
    edited = click.edit(text, extension=".yaml")
    if edited is None or edited == text:
        raise InputInvalid("the plan was not changed", "save the file to hand it in")
    return edited
