"""`devctl port`."""

import sys
import threading
from functools import partial

import click

from devctl.invocation import DONE, Invocation, json_option


@click.command()
@click.argument("name")
@click.argument("port", type=click.IntRange(1, 65_535))
@click.argument("local", type=click.IntRange(0, 65_535), required=False)
@json_option
@click.pass_obj
def forward(invocation: Invocation, name: str, port: int, local: int | None) -> int:
    """Pass connections from a port of this machine's loopback to PORT inside NAME, until it is interrupted.

    LOCAL is the same number unless it is given; 0 takes any free one. Works also without network inside.
    """
    from devctl.relays import Forward

    with (
        invocation.environments() as held,
        Forward(partial(held.connect, held.get(name).name, port), port if local is None else local) as opened,
    ):
        address = f"127.0.0.1:{opened.port}"
        words = f"{address} leads to port {port} in {name}; Ctrl-C ends it"
        invocation.show({"name": name, "port": port, "local": opened.port, "address": address}, [words])
        sys.stdout.flush()
        threading.Event().wait()
    return DONE
