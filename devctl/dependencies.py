"""What a Python tree says it depends on, read from its files without running any of its code."""

import ast
import configparser
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from devctl.errors import PreparationFailed
from devctl.poetry import poetry_requirements
from devctl.records import Record
from devctl.requirement_files import Requirements, read_requirement_file

REQUIREMENT_FILES = re.compile(
    r"(requirements([-_.](dev|test|tests|testing|ci))?|(dev|test|tests|ci)[-_]requirements)\.txt"
)
TEST_EXTRAS = ("test", "tests", "testing", "dev", "develop")
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock")


class DependencyPlan(Record):
    """What is to be installed for a tree."""

    requirements: tuple[str, ...]
    """One requirement a line, as installers read it."""
    constraints: tuple[str, ...]
    """Versions that the tree's lock file fixes."""
    requires_python: str | None
    """The Python versions that the tree declares to need."""
    sources: tuple[str, ...]
    """The files that say so, relative to the tree."""
    ignored: tuple[str, ...]
    """Lines that were left out, with the reason."""

    def digest(self, *also: str) -> str:
        """Digest of the plan and of what else decides the result."""
        text = json.dumps([self.requirements, self.constraints, also])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def plan_dependencies(tree: Path, packages: Iterable[str] = ()) -> DependencyPlan:
    """Read a tree's dependency files; raises PreparationFailed when one of them cannot be read.

    Files of requirements for running, development and tests; pyproject.toml with its extras and groups of
    the same names and what its build needs; setup.cfg; literal lists in setup.py. A lock fixes versions.
    """
    found = Requirements()
    sources = []
    for name, read in _readers(tree):
        path = tree / name
        if not path.is_file() or path.is_symlink():
            continue
        sources.append(name)
        try:
            read(path, found)
        except (OSError, ValueError, SyntaxError, configparser.Error) as error:
            raise PreparationFailed(
                f"{name} cannot be read: {error}", log=f"{name}: {error}", hint=f"correct {name}"
            ) from error
    return DependencyPlan(
        requirements=tuple(dict.fromkeys([*found.lines, *packages])),
        constraints=tuple(dict.fromkeys(found.constraints)),
        requires_python=found.requires_python,
        sources=tuple(sources),
        ignored=tuple(found.ignored),
    )


def _readers(tree: Path) -> Iterator[tuple[str, Any]]:
    yield "pyproject.toml", _read_pyproject
    yield "setup.cfg", _read_setup_cfg
    yield "setup.py", _read_setup_py
    if tree.is_dir():
        for folder in (tree, tree / "requirements"):
            for path in sorted(folder.glob("*.txt")):
                named = REQUIREMENT_FILES.fullmatch(path.name)
                in_folder = folder != tree and path.stem in ("base", "main", *TEST_EXTRAS)
                if named or in_folder:
                    yield str(path.relative_to(tree)), lambda p, found: read_requirement_file(p, tree, found)
    for lock in LOCKS:
        yield lock, _read_lock


def _read_pyproject(path: Path, found: Requirements) -> None:
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    project = _mapping(settings, "project")
    found.requires_python = project.get("requires-python", found.requires_python)
    found.add(project.get("dependencies", ()))
    for name, lines in _mapping(project, "optional-dependencies").items():
        if name.lower() in TEST_EXTRAS:
            found.add(
                lines,
                own_name=str(project.get("name", "")),
                extras=_mapping(project, "optional-dependencies"),
            )
    groups = _mapping(settings, "dependency-groups")
    for name in groups:
        if name.lower() in TEST_EXTRAS:
            found.add(_group(groups, name, ()))
    if "build-system" in settings:
        found.add(_mapping(settings, "build-system").get("requires", ()))
    elif "project" in settings:
        found.add(("setuptools", "wheel"))
    tool = _mapping(settings, "tool")
    _read_dynamic(path.parent, project, _mapping(tool, "setuptools"), found)
    if "poetry" in tool:
        found.add(poetry_requirements(_mapping(tool, "poetry")))


def _read_dynamic(tree: Path, project: Mapping[str, Any], setuptools: Mapping[str, Any], found: Requirements) -> None:
    """Dependencies that setuptools reads from files named in pyproject.toml."""
    dynamic = _mapping(setuptools, "dynamic")
    wanted = [dynamic.get("dependencies")] if "dependencies" in project.get("dynamic", ()) else []
    extras = _mapping(dynamic, "optional-dependencies")
    wanted += [value for name, value in extras.items() if name.lower() in TEST_EXTRAS]
    for value in wanted:
        names = value.get("file", ()) if isinstance(value, dict) else ()
        for name in [names] if isinstance(names, str) else names:
            read_requirement_file(tree / name, tree, found)


def _read_setup_cfg(path: Path, found: Requirements) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(path.read_text(encoding="utf-8"))
    found.add(_lines(parser.get("options", "install_requires", fallback="")))
    found.requires_python = parser.get("options", "python_requires", fallback=found.requires_python)
    if parser.has_section("options.extras_require"):
        for name, value in parser.items("options.extras_require"):
            if name.lower() in TEST_EXTRAS:
                found.add(_lines(value))
    if parser.has_section("options"):
        found.add(("setuptools", "wheel"))


def _read_setup_py(path: Path, found: Requirements) -> None:
    """The literal arguments of `setup(...)`; what is computed cannot be known without running it."""
    found.add(("setuptools", "wheel"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "setup"):
            continue
        for keyword in node.keywords:
            try:
                value = ast.literal_eval(keyword.value)
            except ValueError:
                if keyword.arg in ("install_requires", "extras_require", "tests_require"):
                    found.ignored.append(f"setup.py: {keyword.arg} is computed")
                continue
            _take_setup_argument(keyword.arg or "", value, found)


def _take_setup_argument(name: str, value: Any, found: Requirements) -> None:
    if name in ("install_requires", "tests_require"):
        found.add(_lines(value) if isinstance(value, str) else value)
    elif name == "extras_require" and isinstance(value, dict):
        for extra, lines in value.items():
            if extra.lower() in TEST_EXTRAS:
                found.add(_lines(lines) if isinstance(lines, str) else lines)
    elif name == "python_requires" and isinstance(value, str):
        found.requires_python = value


def _read_lock(path: Path, found: Requirements) -> None:
    """The versions that a lock fixes; a package locked at several versions is left to the installer."""
    packages = tomllib.loads(path.read_text(encoding="utf-8")).get("package", ())
    versions: dict[str, set[str]] = {}
    for package in packages:
        source = package.get("source", {})
        local = any(kind in source for kind in ("virtual", "editable", "directory", "git", "path", "url"))
        if "version" in package and not local:
            versions.setdefault(package["name"], set()).add(package["version"])
    found.constraints += [f"{name}=={next(iter(those))}" for name, those in versions.items() if len(those) == 1]


def _group(groups: Mapping[str, Any], name: str, seen: tuple[str, ...]) -> list[str]:
    """A dependency group with the groups it includes (PEP 735)."""
    if name in seen:
        raise ValueError(f"the dependency group {name!r} includes itself")
    lines: list[str] = []
    for item in groups.get(name, ()):
        if isinstance(item, str):
            lines.append(item)
        elif isinstance(item, dict) and "include-group" in item:
            lines += _group(groups, item["include-group"], (*seen, name))
    return lines


def _mapping(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = settings.get(name, {})
    return value if isinstance(value, Mapping) else {}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
