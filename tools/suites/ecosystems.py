"""What the files of a repository tell about its tests, language by language."""

import re
import shlex
from collections.abc import Iterable
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from tools.suites.scripts import read_package, read_scripts
from tools.testpaths import is_test_path

if TYPE_CHECKING:
    from tools.mirror import Mirror

Source = Literal["plan", "roadcrew.toml", "detected"]
_SCRIPTS = ("run-tests.sh", "run_tests.sh", "scripts/test", "script/test")
_PYTEST_FILES = ("pytest.ini", ".pytest.ini", "conftest.py")
_TARGET = re.compile(rb"^(test|check)\s*:(?!=)", re.MULTILINE)
_NODE_TEST = re.compile(r"(^|.*/)(test/.*|.*[._-]test|test-[^/]*|test)\.[cm]?js$")
_NODE_RUNNERS = {"vitest": "npx vitest run", "jest": "npx jest", "mocha": "npx mocha", "ava": "npx ava"}
_LOOKED_AT = 200
"""Test files that are read to tell pytest's tests from unittest's."""
_DEPTH = 2
"""How deep a project may lie whose repository has nothing at its root."""


class Look:
    """The files of one commit."""

    def __init__(self, mirror: "Mirror", commit: str) -> None:
        self._mirror = mirror
        self._commit = commit
        facts = mirror.facts(commit)
        self.languages = facts.languages
        """By bytes, most first."""
        self.test_files = facts.test_files
        self.dependency_files = facts.dependency_files

    @cached_property
    def paths(self) -> frozenset[str]:
        """All paths."""
        return frozenset(entry.path for entry in self._mirror.files(self._commit))

    def named(self, *names: str) -> list[str]:
        """Paths of files with one of these names, the shallowest first."""
        found = [path for path in self.paths if path.rpartition("/")[2] in names]
        return sorted(found, key=lambda path: (path.count("/"), path))

    def read(self, path: str) -> bytes | None:
        """A file's content, or None when there is none."""
        return self.read_all([path]).get(path)

    def read_all(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The contents of those files that there are."""
        return dict(self._mirror.read_many(self._commit, [path for path in paths if path in self.paths]))

    def project(self, *names: str) -> str | None:
        """The folder of the shallowest such file (`""` for the root); None when it lies deep or there is none."""
        found = [path for path in self.named(*names) if "node_modules" not in path and not is_test_path(path)]
        if not found or found[0].count("/") > _DEPTH:
            return None
        return found[0].rpartition("/")[0]


def _in(folder: str, text: str) -> str:
    return f"cd {shlex.quote(folder)} && {text}" if folder else text


def python_suite(look: Look) -> str | None:
    """pytest where the repository has or wants it, else unittest."""
    tests = [path for path in look.test_files if path.endswith(".py")]
    modules = [path for path in tests if PurePosixPath(path).name not in {"conftest.py", "__init__.py"}]
    modules = [path for path in modules if _is_test_module(path)]
    if not modules:
        return None
    if _wants_pytest(look, modules):
        return "python -m pytest"
    return "python -m unittest discover" + _unittest_start(tests, modules)


def _is_test_module(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.startswith("test") or name.endswith("_test.py")


def _wants_pytest(look: Look, modules: list[str]) -> bool:
    """Whether tests are for pytest: its files, its settings, a dependency on it, or plain functions."""
    if look.named(*_PYTEST_FILES):
        return True
    declaring = [path for path in look.dependency_files if not path.endswith(".json")]
    if any(b"pytest" in content for content in look.read_all([*declaring, "tox.ini"]).values()):
        return True
    contents = look.read_all(modules[:_LOOKED_AT]).values()
    return any(b"import pytest" in text or text.startswith(b"def test") or b"\ndef test" in text for text in contents)


def _unittest_start(tests: list[str], modules: list[str]) -> str:
    """Where discovery starts, for tests that all lie in one folder; it is a package or it is not."""
    tops = {PurePosixPath(path).parts[0] for path in modules}
    if len(tops) != 1 or any("/" not in path for path in modules):
        return ""
    top = next(iter(tops))
    return f" -s {shlex.quote(top)}" + (" -t ." if f"{top}/__init__.py" in tests else "")


def node_suite(look: Look) -> str | None:
    """The `test` script, else the runner that the package depends on, else node's own.

    `npm test` serves packages of pnpm and yarn as well, for it only runs the script; Plug'n'Play needs yarn itself.
    """
    folder = look.project("package.json")
    if folder is None:
        return None
    content = look.read(f"{folder}/package.json" if folder else "package.json") or b""
    if "test" in read_scripts(content):
        within = {path.removeprefix(f"{folder}/" if folder else "") for path in look.named(".pnp.cjs")}
        return _in(folder, "yarn test" if ".pnp.cjs" in within else "npm test")
    package = read_package(content)
    wanted = {name for key in ("devDependencies", "dependencies") for name in _names(package.get(key))}
    for name, text in _NODE_RUNNERS.items():
        if name in wanted:
            return _in(folder, text)
    tests = [path for path in look.test_files if path.startswith(f"{folder}/" if folder else "")]
    return _in(folder, "node --test") if any(_NODE_TEST.match(path) for path in tests) else None


def _names(section: object) -> list[str]:
    return [name for name in section if isinstance(name, str)] if isinstance(section, dict) else []


def go_suite(look: Look) -> str | None:
    """All packages of the module."""
    folder = look.project("go.mod", "go.work")
    return None if folder is None else _in(folder, "go test ./...")


def cargo_suite(look: Look) -> str | None:
    """The package or, at the root of several, the whole workspace."""
    folder = look.project("Cargo.toml")
    if folder is None:
        return None
    content = look.read(f"{folder}/Cargo.toml" if folder else "Cargo.toml") or b""
    return _in(folder, "cargo test --workspace" if b"[workspace" in content else "cargo test")


def maven_suite(look: Look) -> str | None:
    """Maven itself and not the wrapper, which would download one."""
    folder = look.project("pom.xml")
    return None if folder is None else _in(folder, "mvn -o test")


def gradle_suite(look: Look) -> str | None:
    """Gradle, by the wrapper where there is one, for it says which Gradle."""
    folder = look.project("settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts")
    if folder is None:
        return None
    wrapper = f"{folder}/gradlew" if folder else "gradlew"
    return _in(folder, f"{'./gradlew' if wrapper in look.paths else 'gradle'} --offline test")


def make_suite(look: Look) -> str | None:
    """The target `test`, else `check`."""
    content = next((text for text in look.read_all(("GNUmakefile", "Makefile", "makefile")).values()), b"")
    targets = {match[1].decode() for match in _TARGET.finditer(content)}
    return next((f"make {name}" for name in ("test", "check") if name in targets), None)


def script(look: Look) -> str | None:
    """A script that is named as one that tests."""
    return next((f"./{path}" for path in _SCRIPTS if path in look.paths), None)
