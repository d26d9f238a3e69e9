"""`devctl start`, `stop`, `pause`, `rm` and `keep`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devctl.commands.parameters import Span
from devctl.commands.up import launched_lines, tell
from devctl.invocation import DONE, Invocation, json_option

if TYPE_CHECKING:
    from devctl.fleet.records import EnvironmentRecord


@click.command()
@click.argument("names", nargs=-1, required=True)
@json_option
@click.pass_obj
def start(invocation: Invocation, names: tuple[str, ...]) -> int:
    """Start the environments NAMES, which were stopped or paused."""
    with invocation.environments() as held:
        records = [held.start(name, None if invocation.as_json else tell) for name in names]
    lines = [line for record in records for line in launched_lines(record)]
    invocation.show([record.model_dump(mode="json") for record in records], lines)
    return DONE


@click.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Stop all of yours, and all sandboxes of this machine.")
@click.option(
    "--grace", type=click.FloatRange(min=0), default=10.0, show_default=True, help="Seconds before it is killed."
)
@json_option
@click.pass_obj
def stop(invocation: Invocation, names: tuple[str, ...], everything: bool, grace: float) -> int:
    """Stop the environments NAMES with whatever runs in them; their files stay. A sandbox is removed."""
    if bool(names) == everything:
        raise click.UsageError("give the names of environments, or --all")
    stopped = _stop_sandboxes(invocation, names, everything)
    kept = [name for name in names if name not in stopped]
    if kept or (everything and invocation.has_state()):
        with invocation.environments() as held:
            if everything:
                kept = [one.name for one in held.list() if one.phase in ("running", "paused")]
            stopped += [held.stop(name, grace=grace).name for name in kept]
    invocation.show({"stopped": stopped}, [f"stopped {one}" for one in stopped] or ["nothing runs"])
    return DONE


@click.command()
@click.argument("names", nargs=-1, required=True)
@json_option
@click.pass_obj
def pause(invocation: Invocation, names: tuple[str, ...]) -> int:
    """Freeze the environments NAMES; `devctl start` lets them go on."""
    with invocation.environments() as held:
        paused = [held.pause(name).name for name in names]
    invocation.show({"paused": paused}, [f"paused {one}" for one in paused])
    return DONE


@click.command("rm")
@click.argument("names", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Also where the host does not answer.")
@json_option
@click.pass_obj
def remove(invocation: Invocation, names: tuple[str, ...], force: bool) -> int:
    """Remove the environments NAMES with their files."""
    with invocation.environments() as held:
        for name in names:
            record = held.get(name)
            held.remove(name, force=force)
            _forget_ssh(invocation, record)
    invocation.show({"removed": list(names)}, [f"removed {one}" for one in names])
    return DONE


@click.command()
@click.argument("name")
@click.argument("span", type=Span(), required=False)
@click.option("--for", "length", type=Span(), metavar="SPAN", help="The same as the argument.")
@click.option("--off", is_flag=True, help="Take it back.")
@json_option
@click.pass_obj
def keep(invocation: Invocation, name: str, span: timedelta | None, length: timedelta | None, off: bool) -> int:
    """Have the idle reaper leave NAME alone for SPAN: 90m, 8h, 2d."""
    if [span is not None, length is not None, off].count(True) != 1:
        raise click.UsageError("give a span such as 8h, or --off")
    span = span or length
    until = None if span is None else datetime.now(UTC) + span
    with invocation.environments() as held:
        record = held.keep(name, until)
    words = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "no longer"
    invocation.show(record.model_dump(mode="json"), [f"{record.name} is kept {words}"])
    return DONE


def _forget_ssh(invocation: Invocation, record: "EnvironmentRecord") -> None:
    """Remove what ssh had for it. Entries go by name and are of this machine's environments, never of a service's."""
    from devctl.editors.forgetting import forget_ssh

    settings = invocation.settings()
    if settings.service_url is None:
        forget_ssh(settings, Path.home() / ".ssh", record)


def _stop_sandboxes(invocation: Invocation, names: tuple[str, ...], everything: bool) -> list[str]:
    """Remove the sandboxes among the names, or all; returns their names. A service has none."""
    from devctl.launcher import make_backend
    from devctl.store import Store

    settings = invocation.settings()
    if settings.service_url is not None:
        return []
    store = Store(settings.folder)
    wanted = [state.info for state in store.states() if everything or state.info.id in names]
    for info in wanted:
        make_backend(info.backend, settings, store).remove(info.id)
    return [info.id for info in wanted]
