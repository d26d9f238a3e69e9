"""What every command shares: the options it takes and the settings it is given."""

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from roadcrew.settings import Settings


P = ParamSpec("P")
R = TypeVar("R")


class Invocation:
    """One call of the program: the options given before the command's name, and the wish for JSON."""

    def __init__(self) -> None:
        self.workspace: str | None = None
        """As it was typed."""
        self.verbose = False
        self.as_json = False
        self.command = ""


def with_settings(function: Callable[Concatenate["Settings", P], R]) -> Callable[P, R]:
    """Pass the settings, read when the command runs, as its first argument."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        from pathlib import Path

        from roadcrew.settings import read_settings

        chosen = current_invocation().workspace
        settings = read_settings(workspace=Path(chosen) if chosen else None)
        return function(settings, *args, **kwargs)

    return call


def current_invocation() -> Invocation:
    """Return the call of the program that is running."""
    found = click.get_current_context().find_object(Invocation)
    if found is None:
        raise click.UsageError("this command was called outside the roadcrew program")
    return found


def _wish_json(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    invocation = context.find_object(Invocation)
    if invocation is not None:
        invocation.as_json = value
    return value


json_option = click.option(
    "--json", "as_json", is_flag=True, is_eager=True, callback=_wish_json, help="Print one JSON envelope."
)
"""The option that every command with a result takes."""


def note(text: str) -> None:
    """Print a line about what is going on to standard error, where it disturbs no result."""
    sys.stderr.write(text + "\n")
