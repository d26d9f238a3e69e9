"""`roadcrew spec`: check, start and describe specs."""

import json
import re
from pathlib import Path

import click

from roadcrew.command import json_option
from roadcrew.errors import Conflict, Exit
from roadcrew.output import print_data, print_line


@click.group()
def command() -> None:
    """Check, start and describe task specs."""


@command.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@json_option
def validate(paths: tuple[Path, ...], as_json: bool) -> None:
    """Check files (task specs, spec.md, plan.md, tasks.md) and folders; exits 1 when there is a problem."""
    from specs import validate_file, validate_tree

    problems = [
        problem for path in paths for problem in (validate_tree(path) if path.is_dir() else validate_file(path))
    ]
    if as_json:
        print_data("spec validate", {"checked": paths, "problems": [problem._asdict() for problem in problems]})
    else:
        for problem in problems:
            print_line(f"{problem.path}: {problem.message}" + (f" ({problem.hint})" if problem.hint else ""))
        print_line(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}")
    if problems:
        click.get_current_context().exit(Exit.FAILED)


@command.command()
@click.argument("title")
@click.option("--number", type=click.IntRange(1), help="The issue's number.  [default: the next that is free]")
@click.option(
    "--in",
    "root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The repository.  [default: here]",
)
@json_option
def new(title: str, number: int | None, root: Path, as_json: bool) -> None:
    """Write a scaffold specs/NNN-slug/ for a feature called TITLE, to be filled in by hand."""
    from specs import feature_folder, scaffold

    issue = number or next_number(root / "specs")
    folder = root / feature_folder(issue, title)
    if folder.exists():
        raise Conflict(f"{folder} is already there", "give another --number or title")
    texts = scaffold(issue, title)
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    if as_json:
        print_data("spec new", {"folder": folder, "files": sorted(texts)})
        return
    print_line(f"wrote {folder}: fill it in, then: roadcrew spec validate {folder}")


@command.command()
def schema() -> None:
    """Print the JSON Schema of a task spec, for editors and other programs."""
    from specs import task_schema

    print_line(json.dumps(task_schema(), indent=2, ensure_ascii=False))


def next_number(folder: Path) -> int:
    """Return the number after the highest NNN of the folder's NNN-slug folders."""
    numbers = [re.match(r"(\d{3,})-", path.name) for path in folder.glob("*-*") if path.is_dir()]
    return max((int(number[1]) for number in numbers if number), default=0) + 1
