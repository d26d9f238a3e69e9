"""The errors of the specs.

* SpecsError       message and hint
  + SpecInvalid    a text is no task spec; `problems` says where and why
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong with a spec or plan."""

    path: str
    """Where: `tasks[1].depends_on`, or a file and line."""
    message: str
    hint: str


class SpecsError(Exception):
    """Base of the errors of this package."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SpecInvalid(SpecsError):
    """A text is no valid spec."""

    def __init__(self, message: str, problems: Sequence[Problem], hint: str = "") -> None:
        super().__init__(message, hint)
        self.problems = tuple(problems)
