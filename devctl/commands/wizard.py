"""`devctl wizard`: an image by questions, or by options."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devctl.commands.parameters import Pairs
from devctl.commands.up import tell
from devctl.invocation import DONE, FAILED, Invocation, json_option

if TYPE_CHECKING:
    from devctl.client.nouns import Images
    from devctl.serve.image_records import WizardQuestions
    from devctl.wizard.records import WizardRequest

_MANAGERS = ("apt", "yum", "pip", "npm")


@click.command()
@click.option("--base", help="The base image.")
@click.option("-t", "--tag", help="What the image is to be called.")
@click.option("--apt", multiple=True, help="A package: NAME or NAME=VERSION.")
@click.option("--yum", multiple=True, help="A package: NAME or NAME-VERSION.")
@click.option("--pip", multiple=True, help="A package: NAME or NAME==VERSION.")
@click.option("--npm", multiple=True, help="A package: NAME or NAME@VERSION.")
@click.option("--port", "ports", multiple=True, type=click.IntRange(1, 65_535), help="A port that it listens on.")
@click.option("--user", help="Whom commands run as.  [default: dev]")
@click.option("--label", "labels", multiple=True, type=Pairs())
@click.option("--print", "only_print", is_flag=True, help="Print the Dockerfile, and build nothing.")
@click.option(
    "--check",
    "check",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Check a Dockerfile, and no more.",
)
@json_option
@click.pass_obj
def wizard(invocation: Invocation, /, only_print: bool, check: Path | None, **given: object) -> int:
    """Make an image of a base and packages. What no option says is asked for, where somebody can answer."""
    if check is not None:
        return _check(invocation, check)
    held = invocation.images()
    request = _request(given, held if not invocation.as_json and _interactive() else None)
    if only_print:
        from devctl.wizard.rendering import render

        invocation.show({"dockerfile": render(request)}, [render(request).rstrip("\n")])
        return DONE
    image = held.make(request, None if invocation.as_json else tell)
    lines = [f"{image.tag} is built, on {image.base}", f"  as {image.digest_tag}"]
    invocation.show(image.model_dump(mode="json"), [*lines, *(f"note: {note}" for note in image.notes)])
    return DONE


def _check(invocation: Invocation, file: Path) -> int:
    from devctl.wizard.lint import lint

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file} cannot be read: {error}", param_hint="--check") from error
    found = lint(text)
    lines = [f"{file}:{one.line}: {one.rule} {one.severity}: {one.message}" for one in found]
    invocation.show([one.model_dump(mode="json") for one in found], lines or [f"{file}: nothing is wrong"])
    return FAILED if any(one.severity == "error" for one in found) else DONE


def _interactive() -> bool:
    return sys.stdin.isatty()


def _request(given: dict[str, object], asked: "Images | None") -> "WizardRequest":
    """Put the options together, and ask for what is missing where somebody answers; raises BuildRefused for what is none."""
    from pydantic import ValidationError

    from devctl.errors import BuildRefused
    from devctl.wizard.records import WizardRequest

    labels = given.pop("labels")
    values = {name: value for name, value in given.items() if value} | {
        "labels": dict(labels) if isinstance(labels, tuple) else {}
    }
    if asked is not None:
        values |= _asked(values, asked.questions())
    missing = [f"--{name}" for name in ("base", "tag") if name not in values]
    if missing:
        raise click.UsageError(f"{' and '.join(missing)} must be given where nobody can be asked")
    try:
        return WizardRequest.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        message = str(problem["msg"]).removeprefix("Value error, ")
        raise BuildRefused(
            f"--{place.partition('.')[0]} {problem.get('input')!r}: {message}", "give another one"
        ) from error


def _asked(values: dict[str, object], questions: "WizardQuestions") -> dict[str, object]:
    found: dict[str, object] = {}
    offered = questions.bases
    if "base" not in values:
        for number, base in enumerate(offered, 1):
            click.echo(f"  {number}  {base.image:32} {base.about}")
        answer = str(click.prompt("base image, or its number", default="1"))
        found["base"] = (
            offered[int(answer) - 1].image if answer.isdigit() and 0 < int(answer) <= len(offered) else answer
        )
    chosen = str(found.get("base") or values.get("base"))
    managers = next((base.managers for base in offered if base.image == chosen), _MANAGERS)
    for manager in managers:
        if manager not in values:
            found[manager] = tuple(str(click.prompt(f"{manager} packages, with spaces between", default="")).split())
    if "ports" not in values:
        found["ports"] = tuple(str(click.prompt("ports, with spaces between", default="")).split())
    if "user" not in values:
        found["user"] = click.prompt("user", default="dev")
    if "tag" not in values:
        found["tag"] = click.prompt(f"name of the image{f', {questions.prefix}…' if questions.prefix else ''}")
    return found
