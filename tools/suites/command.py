"""A test command: as people write it, with the family of its runner."""

import hashlib
from collections.abc import Mapping
from typing import Literal

from tools.record import Record
from tools.suites.callwords import Call, last_call
from tools.suites.scripts import script_call

SuiteKind = Literal[
    "pytest", "unittest", "node", "vitest", "jest", "mocha", "tap", "go", "cargo", "maven", "gradle", "locust",
    "smoke", "command",
]  # fmt: skip
CommandSource = Literal["plan", "roadcrew.toml", "detected"]
_BY_NAME: Mapping[str, SuiteKind] = {
    "pytest": "pytest",
    "py.test": "pytest",
    "unittest": "unittest",
    "vitest": "vitest",
    "jest": "jest",
    "mocha": "mocha",
    "tap": "tap",
    "ava": "tap",
    "tape": "tap",
    "locust": "locust",
}
_PACKAGES: Mapping[SuiteKind, str] = {"pytest": "pytest", "locust": "locust"}
_OWN_REPORTS: Mapping[SuiteKind, tuple[str, ...]] = {
    "pytest": ("--junit",),
    "node": ("--test-reporter",),
    "vitest": ("--outputFile", "--watch"),
    "jest": ("--outputFile", "--json", "--watch"),
    "mocha": ("--reporter-option", "--watch", "-w"),
    "go": ("-json", "-c", "-exec", "-list"),
    "cargo": ("--format", "--list", "--no-run", "--message-format"),
}
"""Options by which a command asks for a report of its own, or for something other than a run of tests."""


class Server(Record):
    """A server that a load is put on."""

    run: str
    port: int
    seconds: float = 30.0
    """The time in which it must listen."""
    p95_ms: int | None = None
    """The time within which 95 of 100 requests must be answered; None for any."""


class SuiteCommand(Record):
    """How the tests are run."""

    kind: SuiteKind
    """`command` is judged by its exit status; every other kind gives one result for each test."""
    text: str
    """As people write it, for a shell in the root of the repository."""
    source: CommandSource
    packages: tuple[str, ...] = ()
    """What has to be installed for it besides the repository's own dependencies."""
    through: str = ""
    """What stands before arguments that are to reach the runner, such as the `--` of npm."""
    program: str = ""
    """The program that is called in the end, where a script calls it."""
    setup: str = ""
    """A command that runs first, in the same environment without network."""
    server: "Server | None" = None
    """A server that runs beside the command, in the same call, for commands that put a load on it."""
    others: tuple["SuiteCommand", ...] = ()
    """Further suites of the repository, run after this one and counted with it."""

    @property
    def digest(self) -> str:
        """A short name of the command for caches."""
        own = f"{self.kind}\0{self.text}"
        if self.setup or self.others or self.server:
            server = self.server.model_dump_json() if self.server else ""
            own = "\0".join((own, self.setup, server, *(other.digest for other in self.others)))
        return hashlib.sha256(own.encode()).hexdigest()[:16]

    @property
    def all_text(self) -> str:
        """The command and the further ones, as people read them."""
        return "; ".join((self.text, *(other.text for other in self.others)))

    def other(self, text: str) -> "SuiteCommand":
        """Another command in the same surroundings, such as one that a task asks for."""
        made = command_of(text, self.source, self.packages)
        return made.model_copy(update={"setup": self.setup})


def command_of(
    text: str,
    source: CommandSource,
    packages: tuple[str, ...] = (),
    scripts: Mapping[str, Mapping[str, str]] | None = None,
) -> SuiteCommand:
    """Read a command as people write it; plain calls of known runners are known as such.

    `scripts` has the scripts of each `package.json`, by its folder (`""` for the root).
    """
    text = text.strip()
    call = last_call(text)
    found = _looked_up(call, scripts or {}) if call else None
    kind = _kind_of(found[0]) if found else "command"
    wanted = _PACKAGES.get(kind)
    more = (wanted,) if wanted and wanted not in packages else ()
    return SuiteCommand(
        kind=kind,
        text=text,
        source=source,
        packages=(*packages, *more),
        program=found[0].words[0] if found and kind != "command" else "",
        through=found[1] if found and kind != "command" else "",
    )


def _looked_up(call: Call, scripts: Mapping[str, Mapping[str, str]]) -> tuple[Call, str]:
    """The call behind a script, if it is one, and what stands before arguments on the way there."""
    if found := script_call(call, scripts.get(call.folder, {})):
        return found
    if call.words[0] in {"yarn", "pnpm"}:  # they also run programs of the installed packages
        return call.model_copy(update={"words": call.words[1:] or call.words}), ""
    return call, ""


def _kind_of(call: Call) -> SuiteKind:
    kind = _runner_of(call.words)
    own = _OWN_REPORTS.get(kind, ())
    if kind == "node" and "NODE_OPTIONS" in call.sets:  # ours would be lost
        return "command"
    return "command" if any(word.startswith(own) for word in call.words[1:]) else kind


def _runner_of(words: tuple[str, ...]) -> SuiteKind:
    if kind := _BY_NAME.get(words[0]):
        return kind
    match words:
        case ["react-scripts", "test", *_]:
            return "jest"
        case ["node" | "tsx", *options] if "--test" in options:
            return "node"
        case ["go", "test", *_]:
            return "go"
        case ["cargo", *arguments] if [a for a in arguments if a[:1] != "+"][:1] in (["test"], ["t"]):
            return "cargo"
        case ["mvn" | "mvnw", *goals] if {"test", "verify", "package", "install"} & set(goals):
            return "maven"
        case ["gradle" | "gradlew", *tasks] if any(_is_gradle_test(task) for task in tasks):
            return "gradle"
        case _:
            return "command"


def _is_gradle_test(task: str) -> bool:
    return task.rpartition(":")[2] in {"test", "check", "build"}
