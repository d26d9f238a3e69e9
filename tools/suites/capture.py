"""Keeping the whole output of a command whose output is its report: what is shown of a long one is cut."""

import shlex

from tools.suites.runner import Place


def captured(text: str, place: Place, *, errors: bool) -> str:
    """The command with its output in the report's file, and its errors there too or still shown."""
    both = " 2>&1" if errors else ""
    return f"{{ {text}\n}} > {shlex.quote(place.report)}{both}"
