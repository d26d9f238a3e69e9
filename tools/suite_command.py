"""How a repository's tests are run: as its plan says, as roadcrew.toml says, or as its files tell."""

import hashlib
import json
import re
import shlex
import tomllib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from tools.record import Record

if TYPE_CHECKING:
    from tools.mirror import Mirror

SuiteKind = Literal["pytest", "unittest", "command"]
_SCRIPTS = ("run-tests.sh", "run_tests.sh", "scripts/test", "script/test")
_PYTEST_FILES = frozenset({"pytest.ini", ".pytest.ini", "conftest.py"})
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_LOOKED_AT = 200
"""Test files that are read to tell pytest's tests from unittest's."""


class SuiteCommand(Record):
    """How the tests are run."""

    kind: SuiteKind
    """`pytest` and `unittest` give one result for each test, `command` is judged by its exit status."""
    text: str
    """As people write it, for a shell in the root of the repository."""
    source: Literal["plan", "roadcrew.toml", "detected"]
    packages: tuple[str, ...] = ()
    """What has to be installed for it besides the repository's own dependencies."""

    @property
    def digest(self) -> str:
        """A short name of the command for caches."""
        return hashlib.sha256(f"{self.kind}\0{self.text}".encode()).hexdigest()[:16]

    def other(self, text: str) -> "SuiteCommand":
        """Another command in the same surroundings, such as one that a task asks for."""
        return command_of(text, self.source, self.packages)


def command_of(
    text: str, source: Literal["plan", "roadcrew.toml", "detected"], packages: tuple[str, ...] = ()
) -> SuiteCommand:
    """Read a command as people write it; plain calls of pytest and unittest are known as such."""
    text = text.strip()
    kind = _kind_of(text)
    wanted = ("pytest",) if kind == "pytest" and "pytest" not in packages else ()
    return SuiteCommand(kind=kind, text=text, source=source, packages=(*packages, *wanted))


def _kind_of(text: str) -> SuiteKind:
    try:
        words = shlex.split(text)
    except ValueError:
        return "command"
    if any(mark in text for mark in (";", "&", "|", "\n", "$(", "`", ">")):
        return "command"
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    if words and (PurePosixPath(words[0]).name.startswith("python") and words[1:2] == ["-m"]):
        words = words[2:]
    if not words or any(word.startswith("--junit") for word in words):
        return "command"
    return "pytest" if words[0] in {"pytest", "py.test"} else "unittest" if words[0] == "unittest" else "command"


def detect_suite(mirror: "Mirror", commit: str, planned: str | None = None) -> SuiteCommand | None:
    """How the tests of a commit are run, or None when it has none that we can find.

    `[tests] command` of roadcrew.toml wins, then the plan's command, then what the files tell: pytest where
    the repository has or wants it, unittest, a test script, `npm test`.
    """
    paths = {entry.path for entry in mirror.files(commit)}
    told = _from_roadcrew_toml(mirror, commit, paths)
    if told:
        return command_of(told, "roadcrew.toml")
    if planned and planned.strip():
        return command_of(planned, "plan")
    text = _python_suite(mirror, commit) or _script(paths) or _npm_test(mirror, commit, paths)
    return command_of(text, "detected") if text else None


def _from_roadcrew_toml(mirror: "Mirror", commit: str, paths: set[str]) -> str | None:
    if "roadcrew.toml" not in paths:
        return None
    section = _toml(mirror.read(commit, "roadcrew.toml")).get("tests")
    command = section.get("command") if isinstance(section, dict) else None
    return command if isinstance(command, str) and command.strip() else None


def _python_suite(mirror: "Mirror", commit: str) -> str | None:
    tests = [path for path in mirror.facts(commit).test_files if path.endswith(".py")]
    modules = [path for path in tests if PurePosixPath(path).name not in {"conftest.py", "__init__.py"}]
    modules = [path for path in modules if _is_test_module(path)]
    if not modules:
        return None
    if _wants_pytest(mirror, commit, modules):
        return "python -m pytest"
    return "python -m unittest discover" + _unittest_start(tests, modules)


def _is_test_module(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.startswith("test") or name.endswith("_test.py")


def _wants_pytest(mirror: "Mirror", commit: str, modules: list[str]) -> bool:
    """Whether tests are for pytest: its files, its settings, a dependency on it, or plain functions."""
    entries = mirror.files(commit)
    if any(PurePosixPath(entry.path).name in _PYTEST_FILES for entry in entries):
        return True
    declaring = [path for path in mirror.facts(commit).dependency_files if not path.endswith(".json")]
    declaring += [entry.path for entry in entries if entry.path == "tox.ini"]
    if any(b"pytest" in content for content in mirror.read_many(commit, declaring).values()):
        return True
    contents = mirror.read_many(commit, modules[:_LOOKED_AT]).values()
    return any(b"import pytest" in text or text.startswith(b"def test") or b"\ndef test" in text for text in contents)


def _unittest_start(tests: list[str], modules: list[str]) -> str:
    """Where discovery starts, for tests that all lie in one folder; it is a package or it is not."""
    tops = {PurePosixPath(path).parts[0] for path in modules}
    if len(tops) != 1 or any("/" not in path for path in modules):
        return ""
    top = next(iter(tops))
    return f" -s {shlex.quote(top)}" + (" -t ." if f"{top}/__init__.py" in tests else "")


def _script(paths: set[str]) -> str | None:
    return next((f"./{path}" for path in _SCRIPTS if path in paths), None)


def _npm_test(mirror: "Mirror", commit: str, paths: set[str]) -> str | None:
    if "package.json" not in paths:
        return None
    try:
        package = json.loads(mirror.read(commit, "package.json"))
    except (ValueError, RecursionError):
        return None
    scripts = package.get("scripts") if isinstance(package, dict) else None
    test = scripts.get("test") if isinstance(scripts, dict) else None
    return "npm test" if isinstance(test, str) and "no test specified" not in test else None


def _toml(content: bytes) -> dict[str, object]:
    """The tables of a TOML file; a file that is none tells nothing, and the settings say so elsewhere."""
    try:
        return tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
