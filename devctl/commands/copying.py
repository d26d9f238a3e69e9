"""`devctl cp`."""

import sys
from pathlib import Path

import click

from devctl.invocation import DONE, Invocation, json_option


@click.command("cp")
@click.argument("source")
@click.argument("target")
@json_option
@click.pass_obj
def copy(invocation: Invocation, source: str, target: str) -> int:
    """Copy a file, or what a folder holds: `cp FILE NAME:PATH`, or `cp NAME:PATH FILE`.

    Paths inside lie below the work folder. Links are never followed; links that lead out are left out.
    """
    outer, inner = _environment_of(source), _environment_of(target)
    if (outer is None) == (inner is None):
        raise click.UsageError("one of the two is NAME:PATH, the other a path of this machine")
    left_out: tuple[str, ...] = ()
    with invocation.environments() as held:
        if inner is not None:
            held.put(inner[0], Path(source), inner[1])
        elif outer is not None:
            left_out = held.get_files(outer[0], outer[1], Path(target))
    for one in left_out:
        sys.stderr.write(f"left out {one}: a link that leads out, or no file\n")
    invocation.show({"source": source, "target": target, "left_out": left_out}, [f"copied {source} to {target}"])
    return DONE


def _environment_of(text: str) -> tuple[str, str] | None:
    """The name and path of `NAME:PATH`; None for a path of this machine, which may begin with `./`."""
    name, colon, path = text.partition(":")
    return (name, path or ".") if colon and name and "/" not in name else None
