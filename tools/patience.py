"""How long a command may take: longer where a compiler, or an installer, does its work for the first time.

A cold build compiles the dependencies as well. What it leaves makes the next one quick, so each kind of build has the long
time once, until it came to its end; a build with other options is another kind.
"""

import re
import shlex

COMMAND_SECONDS = 120.0
BUILD_SECONDS = 600.0

_BUILDS = {
    "go": frozenset({"build", "test", "vet", "run", "install", "generate", "list"}),
    "cargo": frozenset({"build", "test", "check", "clippy", "run", "doc", "bench", "nextest", "b", "t", "c", "r"}),
    "dotnet": frozenset({"build", "test", "run", "restore"}),
    "npm": frozenset({"ci", "install", "rebuild"}),
    "swift": frozenset({"build", "test", "run"}),
}
"""Programs of which only some commands build."""
_ALWAYS = frozenset({
    "mvn", "mvnw", "gradle", "gradlew", "make", "cmake", "ninja", "bazel", "meson", "rustc", "javac", "tsc", "sbt",
})  # fmt: skip
_STEP = re.compile(r"&&|\|\||[;|&\n(){}]")
_BEFORE = re.compile(r"(?:[A-Za-z_]\w*=\S*|time|env|nice|timeout|command|-\S+|\d+\w?)")


class Patience:
    """The time limits of one work tree's commands."""

    def __init__(self, seconds: float = COMMAND_SECONDS, build_seconds: float = BUILD_SECONDS) -> None:
        self._seconds = seconds
        self._build_seconds = max(seconds, build_seconds)
        self._built: set[str] = set()

    def limit(self, command: str) -> float:
        """The most seconds that a command may take."""
        return self._build_seconds if builds_in(command) - self._built else self._seconds

    def ended(self, command: str) -> None:
        """Note that a command came to its end: what it built need not be built again."""
        self._built |= builds_in(command)


def builds_in(command: str) -> set[str]:
    """The builds in a command line, each with its program, what it does and its options."""
    found = set()
    for step in _STEP.split(command):
        try:
            words = shlex.split(step)
        except ValueError:
            words = step.split()
        while words and _BEFORE.fullmatch(words[0]):
            words = words[1:]
        program = words[0].rpartition("/")[2] if words else ""
        arguments = [word for word in words[1:] if not word.startswith("-")]
        doing = arguments[0] if arguments else ""
        if program in _ALWAYS or doing in _BUILDS.get(program, ()):
            options = sorted(word for word in words[1:] if word.startswith("-"))
            found.add(" ".join((program, doing, *options)))
    return found
