"""`devctl hosts`: the machines on which environments are placed."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devctl.commands.listing import cut, table
from devctl.commands.parameters import Pairs
from devctl.invocation import DONE, FAILED, Invocation, json_option

if TYPE_CHECKING:
    from devctl.client.environments import Environments
    from devctl.hosts.registry import HostState


@click.group()
def hosts() -> None:
    """Add, list and drain the machines on which environments are placed."""


@hosts.command()
@click.argument("name")
@click.argument("address")
@click.option("--tls", type=click.Path(path_type=Path, file_okay=False), help="Folder with ca.pem, cert.pem, key.pem.")
@click.option("--max", "most", type=click.IntRange(min=1), help="The most environments that it takes.")
@click.option("--label", "labels", multiple=True, type=Pairs())
@click.option("--seconds", type=click.IntRange(min=1), default=60, show_default=True, help="Time limit of one call.")
@json_option
@click.pass_obj
def add(
    invocation: Invocation, name: str, address: str, tls: Path | None, most: int | None,
    labels: tuple[tuple[str, str], ...], seconds: int,
) -> int:  # fmt: skip
    """Add the host NAME at ADDRESS: ssh://user@machine, tcp://machine:2376 with --tls, or unix:///path.

    It is connected to first. Over ssh your own ssh settings and known hosts are used; the machine needs no devctl.
    With DEVCTL_URL set the service connects: addresses, ssh settings and the folder of --tls are those of its machine.
    """
    from pydantic import ValidationError

    from devctl.serve.oversight_records import HostWish

    try:
        wish = HostWish(
            name=name, address=address, tls=tls, max_environments=most, labels=dict(labels), seconds=seconds
        )
    except ValidationError as error:
        raise click.UsageError(str(error.errors(include_url=False)[0]["msg"])) from error
    with _opened(invocation, "hosts add") as held:
        added = held.hosts.add(wish)
    facts = added.facts
    words = f"{facts.cpus} cores, {facts.memory_mb} MiB of memory, Docker {facts.version}" if facts else "no facts yet"
    invocation.show(added.model_dump(mode="json", include={"host", "facts"}), [f"{name} has {words}"])
    return DONE


@hosts.command("ls")
@json_option
@click.pass_obj
def list_hosts(invocation: Invocation) -> int:
    """List the hosts that were added, measured now."""
    with _opened(invocation, "hosts ls") as held:
        states = held.hosts.list(measure=True)
    head = ["NAME", "STATE", "ENVIRONMENTS", "CPUS", "MEMORY", "GPU", "IMAGES", "ADDRESS"]
    rows = [_row(state) for state in states]
    lines = table(rows, head) if rows else ["no hosts were added; environments run on this machine"]
    lines += [f"{state.host.name}: {state.failure}" for state in states if state.failure]
    invocation.show([state.model_dump(mode="json") for state in states], lines)
    return DONE


@hosts.command()
@click.argument("name")
@json_option
@click.pass_obj
def drain(invocation: Invocation, name: str) -> int:
    """Have the host NAME take nothing new; what is on it stays."""
    with _opened(invocation, "hosts drain") as held:
        held.hosts.drain(name)
    invocation.show({"host": name, "draining": True}, [f"{name} takes nothing new"])
    return DONE


@hosts.command()
@click.argument("name")
@json_option
@click.pass_obj
def undrain(invocation: Invocation, name: str) -> int:
    """Have the host NAME take environments again."""
    with _opened(invocation, "hosts undrain") as held:
        held.hosts.drain(name, draining=False)
    invocation.show({"host": name, "draining": False}, [f"{name} takes environments again"])
    return DONE


@hosts.command("rm")
@click.argument("name")
@click.option("--force", is_flag=True, help="Also with environments on it; they are lost to devctl.")
@json_option
@click.pass_obj
def remove(invocation: Invocation, name: str, force: bool) -> int:
    """Forget the host NAME; nothing is changed on it."""
    with _opened(invocation, "hosts rm") as held:
        held.hosts.remove(name, force)
    invocation.show({"removed": name}, [f"removed {name}"])
    return DONE


@hosts.command()
@click.option("--image", "images", multiple=True, help="These, in place of those that were used of late.")
@json_option
@click.pass_obj
def prefetch(invocation: Invocation, images: tuple[str, ...]) -> int:
    """Fetch to every host the images that will be needed: from their registry, or from a host that has them."""
    with _opened(invocation, "hosts prefetch") as held:
        done = held.hosts.prefetch(images or None)
    lines = [f"{one.host}: {one.image} {one.how}{f': {one.why}' if one.why else ''}" for one in done]
    invocation.show([one.model_dump(mode="json") for one in done], lines or ["nothing to fetch"])
    return FAILED if any(one.how == "failed" for one in done) else DONE


def _opened(invocation: Invocation, command: str) -> "Environments":
    invocation.command = command
    return invocation.environments(reads_only=True)


def _row(state: "HostState") -> list[str]:
    facts, host = state.facts, state.host
    words = "drained" if host.draining else "ready"
    if state.failures:
        words = f"away {state.closed_for:.0f}s" if state.closed_for else "away"
    most = f"/{host.max_environments}" if host.max_environments is not None else ""
    measured = ["-"] * 4
    if facts is not None:
        measured = [str(facts.cpus), f"{facts.memory_mb}M", "yes" if facts.gpu else "-", str(len(facts.images))]
    return [host.name, words, f"{state.environments}{most}", *measured, cut(host.address, 40)]
