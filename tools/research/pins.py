"""The versions that a repository's own files fix, for every ecosystem that advisories are known for."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from pydantic import JsonValue

from tools.research.advisories import Pin
from tools.research.settings import Ecosystem
from tools.research.values import array, table, text

FILE_BYTES = 20 * 1024 * 1024
"""Larger files are not read."""
REQUIREMENTS = re.compile(r"(requirements|constraints)[^/]*\.(txt|lock)|[^/]*[-_]requirements\.txt")
DECLARING: dict[str, Ecosystem] = {
    "pyproject.toml": "python", "setup.py": "python", "setup.cfg": "python", "package.json": "node",
    "go.mod": "go", "Cargo.toml": "rust", "pom.xml": "maven", "build.gradle": "maven", "build.gradle.kts": "maven",
}  # fmt: skip
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]{0,99}")
_NAME = re.compile(r"@?[A-Za-z0-9][A-Za-z0-9._~:/-]{0,213}")
_GO_LINE = re.compile(r"^\s*(?:require\s+)?([\w.~/-]+\.[\w.~/-]+)\s+(v\d[\w.+-]*)", re.M)
_YARN_ENTRY = re.compile(r'^"?(@?[^@\s"]+)@[^\n]*:\n(?:[ \t]+[^\n]*\n)*?[ \t]+version:?[ \t]+"?([^"\s]+)"?', re.M)
_POM_ENTRY = re.compile(r"<dependency>(.*?)</dependency>", re.S)


def may_pin(path: str) -> bool:
    """Whether a file of this path fixes versions."""
    return _reader(path) is not None


def read_pins(files: Mapping[str, bytes]) -> tuple[Pin, ...]:
    """Return every fixed version once, sorted; a file that cannot be read fixes nothing."""
    found: set[tuple[Ecosystem, str, str]] = set()
    for path, content in files.items():
        reader = _reader(path)
        if reader is None or len(content) > FILE_BYTES:
            continue
        ecosystem, read = reader
        try:
            pairs = list(read(content.decode("utf-8", "replace")))
        except (ValueError, RecursionError, yaml.YAMLError):
            continue
        found |= {
            (ecosystem, name, version)
            for name, version in pairs
            if _NAME.fullmatch(name) and _VERSION.fullmatch(version)
        }
    return tuple(Pin(ecosystem=one[0], name=one[1], version=one[2]) for one in sorted(found))


def ecosystems_of(paths: Iterable[str]) -> tuple[Ecosystem, ...]:
    """Return the ecosystems of a repository, the one whose files lie nearest to the root first."""
    found: dict[Ecosystem, int] = {}
    for path in paths:
        name = path.rpartition("/")[2]
        ecosystem = DECLARING.get(name) or ("python" if REQUIREMENTS.fullmatch(name) else None)
        if ecosystem is not None:
            found[ecosystem] = min(path.count("/"), found.get(ecosystem, 99))
    return tuple(sorted(found, key=lambda ecosystem: (found[ecosystem], list(DECLARING.values()).index(ecosystem))))


def _reader(path: str) -> tuple[Ecosystem, Callable[[str], Iterable[tuple[str, str]]]] | None:
    if any(part in ("node_modules", "vendor", ".venv", "site-packages") for part in path.split("/")[:-1]):
        return None
    name = path.rpartition("/")[2]
    if REQUIREMENTS.fullmatch(name):
        return "python", _requirements
    return _READERS.get(name)


def _requirements(content: str) -> Iterator[tuple[str, str]]:
    for line in content.splitlines():
        bare = re.sub(r"(^|\s)#.*$|\s--hash[= ]\S+|\\$", "", line).strip()
        try:
            requirement = Requirement(bare)
        except InvalidRequirement:
            continue
        for one in requirement.specifier:
            if one.operator in ("==", "===") and not one.version.endswith(".*"):
                yield requirement.name.lower(), one.version


def _toml_packages(content: str) -> Iterator[tuple[str, str]]:
    """The form of uv.lock, poetry.lock, pdm.lock and pylock.toml; a project's own packages have no version to look up."""
    whole = tomllib.loads(content)
    for package in map(table, [*array(whole.get("package")), *array(whole.get("packages"))]):
        source = package.get("source")
        local = isinstance(source, dict) and ({"editable", "virtual", "directory", "path"} & source.keys())
        if not local:
            yield text(package.get("name")), text(package.get("version"))


def _cargo(content: str) -> Iterator[tuple[str, str]]:
    """Cargo.lock, without the workspace's own packages, which have no source."""
    for package in map(table, array(tomllib.loads(content).get("package"))):
        if text(package.get("source")).startswith(("registry+", "sparse+")):
            yield text(package.get("name")), text(package.get("version"))


def _pipfile(content: str) -> Iterator[tuple[str, str]]:
    whole = table(json.loads(content))
    for group in ("default", "develop"):
        for name, entry in table(whole.get(group)).items():
            yield name, text(table(entry).get("version")).removeprefix("==")


def _package_lock(content: str) -> Iterator[tuple[str, str]]:
    whole = table(json.loads(content))
    for place, entry in table(whole.get("packages")).items():
        if "node_modules/" in place and not table(entry).get("link"):
            yield (
                text(table(entry).get("name")) or place.rpartition("node_modules/")[2],
                text(table(entry).get("version")),
            )
    yield from _nested(whole, 0)


def _nested(owner: dict[str, JsonValue], depth: int) -> Iterator[tuple[str, str]]:
    """The first form of npm's lock file, in which dependencies lie in one another."""
    for name, entry in table(owner.get("dependencies")).items():
        if isinstance(entry, dict):
            yield name, text(entry.get("version"))
            if depth < 20:
                yield from _nested(entry, depth + 1)


def _yarn(content: str) -> Iterator[tuple[str, str]]:
    return ((found[1], found[2]) for found in _YARN_ENTRY.finditer(content))


def _pnpm(content: str) -> Iterator[tuple[str, str]]:
    whole = yaml.load(content, Loader=_loader())  # noqa: S506 - a safe loader, the quick one where there is one  # nosec B506 - a safe loader
    for key in table(table(whole).get("packages")):
        name, _, version = key.removeprefix("/").partition("(")[0].rpartition("@")
        if not name:  # the form before version 6: /name/1.0.0
            name, _, version = key.removeprefix("/").rpartition("/")
        yield name, version


def _loader() -> type[yaml.SafeLoader] | type[yaml.CSafeLoader]:
    return yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def _go(content: str) -> Iterator[tuple[str, str]]:
    return ((found[1], found[2]) for found in _GO_LINE.finditer(content))


def _pom(content: str) -> Iterator[tuple[str, str]]:
    """The dependencies with a written version; one that hangs on a property or a parent is not known here."""
    for entry in _POM_ENTRY.finditer(content):
        parts = {key: value.strip() for key, value in re.findall(r"<(groupId|artifactId|version)>([^<]*)<", entry[1])}
        if len(parts) == 3:
            yield f"{parts['groupId']}:{parts['artifactId']}", parts["version"]


_READERS: dict[str, tuple[Ecosystem, Callable[[str], Iterable[tuple[str, str]]]]] = {
    "uv.lock": ("python", _toml_packages),
    "poetry.lock": ("python", _toml_packages),
    "pdm.lock": ("python", _toml_packages),
    "pylock.toml": ("python", _toml_packages),
    "Pipfile.lock": ("python", _pipfile),
    "package-lock.json": ("node", _package_lock),
    "npm-shrinkwrap.json": ("node", _package_lock),
    "yarn.lock": ("node", _yarn),
    "pnpm-lock.yaml": ("node", _pnpm),
    "go.mod": ("go", _go),
    "Cargo.lock": ("rust", _cargo),
    "pom.xml": ("maven", _pom),
}
