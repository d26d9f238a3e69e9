"""`devctl top`."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devctl.invocation import DONE, Invocation, json_option

if TYPE_CHECKING:
    from devctl.top.sources import Source

_BETWEEN = 0.5
"""Seconds between the two looks of which processor time is made out."""


@click.command()
@click.option("--once", is_flag=True, help="Print the table once and end, for pipes.")
@json_option
@click.pass_obj
def top(invocation: Invocation, once: bool) -> int:
    """Watch environments on a screen, of DEVCTL_URL's service where that is set: filter, sort, follow logs, stop, start, keep, remove."""
    if not once and not invocation.as_json and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("there is no terminal to draw on: `devctl top --once` prints the table")
    with _source(invocation) as source:
        if once or invocation.as_json:
            _print(invocation, source)
        else:
            from devctl.top.app import TopApp

            TopApp(source).run()
    return DONE


def _print(invocation: Invocation, source: "Source") -> None:
    from devctl.top.details import plain_table

    rows = source.look()
    if source.measures and any(row.record.phase == "running" for row in rows):
        time.sleep(_BETWEEN)
        rows = source.look()
    invocation.show([row.model_dump(mode="json") for row in rows], plain_table(rows) if rows else ["no environments"])


@contextmanager
def _source(invocation: Invocation) -> "Iterator[Source]":
    """The service that the settings name, or the fleet in this process."""
    from devctl.client.local import LocalClient
    from devctl.client.opening import open_service
    from devctl.editors.forgetting import forget_ssh
    from devctl.top.sources import LocalSource, ServiceSource

    settings = invocation.settings()
    if settings.service_url is not None:
        yield ServiceSource(open_service(settings), settings.service_url)
        return
    with invocation.fleet() as fleet:
        forget = partial(forget_ssh, settings, Path.home() / ".ssh")
        source = LocalSource(LocalClient(fleet, invocation.person(), settings), settings.reaper(), forget)
        try:
            yield source
        finally:
            source.close()
