"""`devctl hosts`: the machines on which environments are placed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devctl.commands.listing import cut, table
from devctl.commands.up import Pairs
from devctl.invocation import DONE, FAILED, Invocation, json_option

if TYPE_CHECKING:
    from devctl.hosts.pool import Hosts
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
    """
    from devctl.hosts.addresses import checked_host

    host = checked_host(name, address, tls, most, dict(labels), seconds)
    with _opened(invocation, "hosts add") as pool:
        facts = pool.add(host)
    words = f"{name} has {facts.cpus} cores, {facts.memory_mb} MiB of memory, Docker {facts.version}"
    invocation.show({"host": host.model_dump(mode="json"), "facts": facts.model_dump(mode="json")}, [words])
    return DONE


@hosts.command("ls")
@json_option
@click.pass_obj
def list_hosts(invocation: Invocation) -> int:
    """List the hosts that were added, measured now."""
    with _opened(invocation, "hosts ls") as pool:
        pool.measure()
        states = pool.registry.all()
        counts = pool.counts()
    head = ["NAME", "STATE", "ENVIRONMENTS", "CPUS", "MEMORY", "GPU", "IMAGES", "ADDRESS"]
    rows = [_row(state, counts.get(state.host.name, 0)) for state in states]
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
    with _opened(invocation, "hosts drain") as pool:
        pool.registry.drain(name, True)
    invocation.show({"host": name, "draining": True}, [f"{name} takes nothing new"])
    return DONE


@hosts.command()
@click.argument("name")
@json_option
@click.pass_obj
def undrain(invocation: Invocation, name: str) -> int:
    """Have the host NAME take environments again."""
    with _opened(invocation, "hosts undrain") as pool:
        pool.registry.drain(name, False)
    invocation.show({"host": name, "draining": False}, [f"{name} takes environments again"])
    return DONE


@hosts.command("rm")
@click.argument("name")
@click.option("--force", is_flag=True, help="Also with environments on it; they are lost to devctl.")
@json_option
@click.pass_obj
def remove(invocation: Invocation, name: str, force: bool) -> int:
    """Forget the host NAME; nothing is changed on it."""
    with _opened(invocation, "hosts rm") as pool:
        pool.remove(name, force)
    invocation.show({"removed": name}, [f"removed {name}"])
    return DONE


@hosts.command()
@click.option("--image", "images", multiple=True, help="These, in place of those that were used of late.")
@json_option
@click.pass_obj
def prefetch(invocation: Invocation, images: tuple[str, ...]) -> int:
    """Fetch to every host the images that will be needed: from their registry, or from a host that has them."""
    with _opened(invocation, "hosts prefetch") as pool:
        done = pool.prefetch(images or None)
    lines = [f"{one.host}: {one.image} {one.how}{f': {one.why}' if one.why else ''}" for one in done]
    invocation.show([one.model_dump(mode="json") for one in done], lines or ["nothing to fetch"])
    return FAILED if any(one.how == "failed" for one in done) else DONE


@contextmanager
def _opened(invocation: Invocation, command: str) -> "Iterator[Hosts]":
    """The hosts, for an admin."""
    from devctl.errors import LaunchRefused
    from devctl.hosts.pool import Hosts

    invocation.command = command
    person = invocation.person()
    if person.role != "admin":
        raise LaunchRefused(
            f"{person.name} may not change or list hosts", ("hosts are for admins",), "ask the machine's owner"
        )
    with invocation.fleet() as fleet:
        pool = fleet.parts.hosts
        if not isinstance(pool, Hosts):
            raise TypeError("a fleet on the command line has Hosts")
        yield pool


def _row(state: "HostState", environments: int) -> list[str]:
    facts, host = state.facts, state.host
    words = "drained" if host.draining else "ready"
    if state.failures:
        words = f"away {state.closed_for:.0f}s" if state.closed_for else "away"
    most = f"/{host.max_environments}" if host.max_environments is not None else ""
    measured = ["-"] * 4
    if facts is not None:
        measured = [str(facts.cpus), f"{facts.memory_mb}M", "yes" if facts.gpu else "-", str(len(facts.images))]
    return [host.name, words, f"{environments}{most}", *measured, cut(host.address, 40)]
