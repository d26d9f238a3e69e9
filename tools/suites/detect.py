"""How a repository's tests are run: as roadcrew.toml says, as its plan says, or as its files tell."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from tools.suites import ecosystems
from tools.suites.command import SuiteCommand, command_of
from tools.suites.scripts import read_scripts
from tools.suites.tox import tox_tests

if TYPE_CHECKING:
    from tools.mirror import Mirror

_TOX_FILES = ("tox.ini", "pyproject.toml")
_PACKAGES = 50
"""The most package.json files that are read."""


class _Family(NamedTuple):
    """A way to find the tests of some languages."""

    languages: frozenset[str]
    find: Callable[[ecosystems.Look], str | None]


_FAMILIES = (
    _Family(frozenset({"Python"}), ecosystems.python_suite),
    _Family(frozenset({"JavaScript", "TypeScript"}), ecosystems.node_suite),
    _Family(frozenset({"Go"}), ecosystems.go_suite),
    _Family(frozenset({"Rust"}), ecosystems.cargo_suite),
    _Family(frozenset({"Java", "Kotlin"}), ecosystems.maven_suite),
    _Family(frozenset({"Java", "Kotlin"}), ecosystems.gradle_suite),
)


def detect_suite(mirror: "Mirror", commit: str, planned: str | None = None) -> SuiteCommand | None:
    """How the tests of a commit are run, or None when it has none that we can find.

    `[tests]` of roadcrew.toml wins, then the plan's command, then what the files tell: the suite of the language
    that most of the repository is written in, else a `test` or `check` target of make, else a test script.
    """
    look = ecosystems.Look(mirror, commit)
    told = _from_roadcrew_toml(look)
    reader = _Reader(look)
    if told.commands:
        first, *others = [reader.command(text, "roadcrew.toml") for text in told.commands]
        return first.model_copy(update={"setup": told.setup, "others": tuple(others)})
    if planned and planned.strip():
        return reader.command(planned, "plan").model_copy(update={"setup": told.setup})
    found = reader.detected()
    return found.model_copy(update={"setup": told.setup}) if found else None


class _Told(NamedTuple):
    """The section [tests] of roadcrew.toml."""

    commands: tuple[str, ...] = ()
    setup: str = ""


def _from_roadcrew_toml(look: ecosystems.Look) -> _Told:
    """What a file that is no TOML says is nothing here; the settings complain of it elsewhere."""
    try:
        section = tomllib.loads((look.read("roadcrew.toml") or b"").decode()).get("tests")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return _Told()
    if not isinstance(section, dict):
        return _Told()
    several = section.get("commands")
    texts = [section.get("command"), *(several if isinstance(several, list) else ())]
    setup = section.get("setup")
    return _Told(
        commands=tuple(text for text in texts if isinstance(text, str) and text.strip()),
        setup=setup.strip() if isinstance(setup, str) else "",
    )


class _Reader:
    """Reads commands in the light of the repository's files."""

    def __init__(self, look: ecosystems.Look) -> None:
        self._look = look
        self._scripts = _scripts(look)

    def command(self, text: str, source: "ecosystems.Source") -> SuiteCommand:
        """A command as people write it; `tox` is what tox would run."""
        if text.split()[:1] == ["tox"] or text.split()[:3] == ["python", "-m", "tox"]:
            found = tox_tests(self._look.read_all(_TOX_FILES), self._look.read)
            if found:
                return command_of(found.text, source, found.packages, self._scripts)
        return command_of(text, source, (), self._scripts)

    def detected(self) -> SuiteCommand | None:
        """What the files tell."""
        look = self._look
        for family in sorted(_FAMILIES, key=lambda family: _rank(look.languages, family.languages)):
            text = family.find(look)
            if text and family.find is ecosystems.python_suite:
                return self._python(text)
            if text:
                return self.command(text, "detected")
        if found := tox_tests(look.read_all(_TOX_FILES), look.read):
            return command_of(found.text, "detected", found.packages, self._scripts)
        text = ecosystems.make_suite(look) or ecosystems.script(look)
        return self.command(text, "detected") if text else None

    def _python(self, text: str) -> SuiteCommand:
        """The detected command with the packages that tox has for the tests; tox's own where its runner differs.

        The plain command of the same runner is the safer one: tox's may want plugins of extras that are not known here.
        """
        found = tox_tests(self._look.read_all(_TOX_FILES), self._look.read)
        if found is None:
            return self.command(text, "detected")
        plain = command_of(text, "detected", found.packages)
        own = command_of(found.text, "detected", found.packages)
        return plain if own.kind in {plain.kind, "command"} else own


def _rank(languages: tuple[str, ...], of_family: frozenset[str]) -> int:
    return min((languages.index(name) for name in of_family if name in languages), default=len(languages))


def _scripts(look: ecosystems.Look) -> Mapping[str, Mapping[str, str]]:
    """The scripts of every package.json, by folder."""
    paths = [path for path in look.named("package.json") if "node_modules" not in PurePosixPath(path).parts]
    contents = look.read_all(paths[:_PACKAGES])
    return {
        "" if str(PurePosixPath(path).parent) == "." else str(PurePosixPath(path).parent): read_scripts(content)
        for path, content in contents.items()
    }
