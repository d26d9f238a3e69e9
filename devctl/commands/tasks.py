"""`devctl tasks`: tasks of the editor from templates."""

import sys
from pathlib import Path

import click

from devctl.invocation import DONE, FAILED, Invocation, json_option

_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.group()
def tasks() -> None:
    """Write tasks of VS Code and Cursor from templates."""


@tasks.command("list")
@click.option("--path", "folder", type=_FOLDER, default=".", help="The project's folder.")
@json_option
@click.pass_obj
def list_tasks(invocation: Invocation, folder: Path) -> int:
    """List the templates, and which of them the folder has."""
    from devctl.tasks import present, templates

    invocation.command = "tasks list"
    there = present(folder)
    rows = [
        {"name": one.name, "description": one.description, "present": one.task["label"] in there} for one in templates()
    ]
    invocation.show(rows, [f"{'*' if row['present'] else ' '} {row['name']:12} {row['description']}" for row in rows])
    return DONE


@tasks.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--path", "folder", type=_FOLDER, default=".", help="The project's folder.")
@click.option("--in", "environment", help="Run the tasks in this kept environment, by devctl exec.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@json_option
@click.pass_obj
def add(invocation: Invocation, names: tuple[str, ...], folder: Path, environment: str | None, dry_run: bool) -> int:
    """Add the tasks NAMES to .vscode/tasks.json, and what goes with them to devcontainer.json where there is one.

    What you wrote stays as it is, comments and order too. The status is 1 where something of yours is in the way.
    """
    from devctl.tasks import add_tasks, template

    invocation.command = "tasks add"
    wanted = [template(name) for name in names]
    if environment is not None:
        wanted = [one.in_environment(environment) for one in wanted]
    addition = add_tasks(folder, wanted)
    if not dry_run:
        addition.write()
    word = "would write" if dry_run else "wrote"
    lines = [change.diff().removesuffix("\n") for change in addition.changes] if dry_run else []
    lines += [f"{word} {change.path}" for change in addition.changes]
    data = {
        "changed": [change.path for change in addition.changes],
        "diffs": [change.diff() for change in addition.changes],
        "conflicts": addition.conflicts,
        "written": not dry_run,
    }
    invocation.show(data, lines or ["nothing to change"])
    for conflict in addition.conflicts:
        sys.stderr.write(f"conflict: {conflict}\n")
    return FAILED if addition.conflicts else DONE
