"""`devctl up`: a kept environment of an image, a folder or a git address."""

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from devctl.commands.parameters import Amount, Pairs, Span
from devctl.invocation import DONE, Invocation, json_option

if TYPE_CHECKING:
    from devctl.fleet.records import EnvironmentRecord
    from devctl.sources.records import Overrides


@click.command(context_settings={"allow_interspersed_args": True})
@click.argument("source")
@click.argument("command", nargs=-1)
@click.option("--name", help="Its name.  [default: made from the source]")
@click.option("--label", "labels", multiple=True, type=Pairs(), help="A label to find it by.")
@click.option("--env", multiple=True, type=Pairs(), help="A variable that every command sees. Never a secret.")
@click.option("--secret", "secrets", multiple=True, help="NAME=FILE or NAME=env:VARIABLE: seen as /run/secrets/NAME.")
@click.option("--cpus", type=Amount("Cpus"), help="Cores.")
@click.option("--memory-mb", type=Amount("MemoryMb"))
@click.option("--pids", type=Amount("Pids"), help="Processes and threads.")
@click.option("--disk-mb", type=Amount("DiskMb"))
@click.option("--seconds", type=Amount("Seconds"), help="Stop it after so long.")
@click.option("--egress", type=click.Choice(["none", "allow", "open"]), help="The way out.  [default: none]")
@click.option("--allow", "domains", multiple=True, help="A domain that it may reach; with --egress allow.")
@click.option("--port", "ports", multiple=True, type=click.IntRange(1, 65_535), help="A port inside to be reached.")
@click.option("--image", help="Take this image in place of the source's own.")
@click.option("--config", help="Which .devcontainer/NAME/devcontainer.json.")
@click.option("--user", help="Whom commands run as.")
@click.option("--workdir", help="The folder for the source and for commands.")
@click.option("--gpu", type=click.Choice(["none", "optional", "required"]))
@click.option("--host", help="The host it must be on.")
@click.option("--keep", type=Span(), help="Have the idle reaper leave it alone for so long: 90m, 8h, 2d.")
@click.option("--trust-mounts", is_flag=True, help="Allow bind mounts of folders outside the source.")
@json_option
@click.pass_obj
def up(invocation: Invocation, /, source: str, command: tuple[str, ...], name: str | None, **given: object) -> int:
    """Make an environment of SOURCE: an image, a folder, or a git address; COMMAND becomes its main process.

    It stays until `devctl rm` removes it. `devctl shell NAME` opens a shell in it.
    """
    progress = None if invocation.as_json else tell
    overrides = _overrides(given)
    with invocation.environments() as held:
        record = held.up_source(source, name, overrides=overrides, command=command, progress=progress)
    invocation.show(record.model_dump(mode="json"), launched_lines(record))
    return DONE


def tell(words: str) -> None:
    """Show how far a launch has come."""
    sys.stderr.write(f"  {words}\n")


def launched_lines(record: "EnvironmentRecord") -> list[str]:
    """What a person reads when a launch has come to its end."""
    lines = [f"{record.name} runs on {record.host}, from {record.spec.source or record.spec.image}"]
    lines += [f"note: {note}" for note in record.spec.notes]
    lines += [f"warning: {record.why}"] if record.why else []
    return [*lines, f"hint: `devctl shell {record.name}` opens a shell in it"]


def _overrides(given: dict[str, object]) -> "Overrides":
    """Put the options into the words of sources."""
    from pydantic import ValidationError

    from devctl.fleet.records import GpuWish
    from devctl.secret_files import wished
    from devctl.sources.records import Overrides

    def pairs(key: str) -> dict[str, str]:
        found = given.pop(key)
        return dict(found) if isinstance(found, tuple) else {}

    found: dict[str, object] = {"labels": pairs("labels"), "env": pairs("env")}
    secrets = given.pop("secrets")
    found["secrets"] = tuple(wished(str(text)) for text in secrets) if isinstance(secrets, tuple) else ()
    keep = given.pop("keep")
    found["keep_until"] = datetime.now(UTC) + keep if isinstance(keep, timedelta) else None
    gpu = given.pop("gpu")
    found["gpu"] = None if gpu is None else GpuWish.model_validate({"want": gpu})
    try:
        return Overrides.model_validate({**given, **found})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        option = "--" + str(problem["loc"][0]).replace("_", "-")
        raise click.BadParameter(f"{problem['input']!r}: {problem['msg'].lower()}", param_hint=option) from error
