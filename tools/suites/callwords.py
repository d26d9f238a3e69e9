"""The words of a test command: which program it calls in the end, and in which folder."""

import re
import shlex
from pathlib import PurePosixPath

from tools.record import Record

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_SHELL = (";", "|", "\n", "$(", "`", ">", "<(")
_WRAPPERS = frozenset({"npx", "cross-env", "cross-env-shell", "c8", "nyc", "env", "time", "bunx", "pnpx"})
_RUNNING = {("pnpm", "exec"), ("npm", "exec"), ("poetry", "run"), ("pdm", "run"), ("hatch", "run")}
"""Two words that run what follows them; `uv run` is left out, because it would install."""


class Call(Record):
    """One call of a program."""

    words: tuple[str, ...]
    """The program's name without its folder, and its arguments."""
    folder: str = ""
    """Where it is called, relative to the root of the repository."""
    sets: frozenset[str] = frozenset()
    """Names of the variables that its command line sets."""


def last_call(text: str) -> Call | None:
    """The call that a command line ends with, or None for one that is more than calls joined by `&&`.

    What stands before the last call counts as its preparation, so a line whose earlier calls are tests too is
    None as well: their results would be lost.
    """
    if any(mark in text.replace("&&", "") for mark in (*_SHELL, "&")):
        return None
    try:
        steps = [shlex.split(step) for step in text.split("&&")]
    except ValueError:
        return None
    folder = ""
    while len(steps) > 1 and steps[0][:1] == ["cd"] and len(steps[0]) == 2:
        folder = str(PurePosixPath(folder, steps.pop(0)[1]))
    calls = [plain_words(step) for step in steps]
    if any(call[:1] == ("cd",) or is_test_program(call) for call in calls[:-1]) or not calls[-1]:
        return None
    sets = frozenset(match[0].rstrip("=") for step in steps for word in step if (match := _ASSIGNMENT.match(word)))
    return Call(words=calls[-1], folder="" if folder == "." else folder, sets=sets)


def plain_words(words: list[str]) -> tuple[str, ...]:
    """A call without the variables and wrappers before it, and without the folder of its program."""
    rest = list(words)
    while rest:
        name = PurePosixPath(rest[0]).name
        if _ASSIGNMENT.match(rest[0]):
            rest = rest[1:]
        elif name in _WRAPPERS:
            rest = _without_options(rest[1:])
        elif (name, *rest[1:2]) in _RUNNING:
            rest = _without_options(rest[2:])
        elif re.fullmatch(r"python[0-9.]*", name) and rest[1:2] == ["-m"]:
            rest = rest[2:]
        elif name == "coverage" and rest[1:2] == ["run"] and "-m" in rest:
            rest = rest[rest.index("-m") + 1 :]
        else:
            return (name, *rest[1:])
    return ()


def is_test_program(words: tuple[str, ...]) -> bool:
    """Whether a call looks like a run of tests."""
    return bool(words) and (words[0] in {"pytest", "unittest", "vitest", "jest", "mocha"} or "test" in words[1:2])


def _without_options(words: list[str]) -> list[str]:
    while words and words[0].startswith("-") and words[0] != "-m":
        words = words[1:]
    return words[1:] if words[:1] == ["-m"] else words
