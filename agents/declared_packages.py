"""The packages that the dependency files of a commit name, language by language, without versions."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from devctl.ecosystems.cargo_manifests import declared_crates
from devctl.ecosystems.go_manifests import required_modules
from devctl.ecosystems.jvm_manifests import catalogue_packages, gradle_packages, pom_packages
from devctl.ecosystems.node_manifests import declared_packages
from devctl.ecosystems.toml import table

_PLACES = re.compile(r"(?:-r|--requirement)[ =]?(?:[\w.-]+/)*requirements[^/\s]*\.txt|-e \.")
"""Options of a requirements file that bring no package: files that are read as well, and the project itself."""
_ADDRESS = re.compile(r"://|git\+|@(?:file|link|portal|git|github|gitlab|bitbucket):|^npm:(?:@[^/@]+/)?[^@/]+@[^@]*/")
"""In what a file asks for: a place."""
_PREFIXED = re.compile(r"((?:npm|go|cargo|maven):@?[^@]+)")


def is_declaring(path: str) -> bool:
    """Whether a file names packages that are installed for the repository."""
    return _reader(path) is not None and "node_modules/" not in path


def packages_in(texts: Mapping[str, str]) -> set[str]:
    """The names in these files, by path: `flask`, `npm:left-pad`, `go:example.com/x`, `maven:group:artifact`.

    What is no name alone, such as an address or another registry, stands as it is written, and policy refuses it.
    A file that cannot be read names nothing: it cannot be installed from either.
    """
    return {_named(text) for text in requirements_in(texts) | _options_in(texts)}


def requirements_in(texts: Mapping[str, str]) -> set[str]:
    """What these files ask for, with the versions that they name: `flask>=3`, `npm:left-pad@^1.3`."""
    found: set[str] = set()
    for path, text in texts.items():
        reader = _reader(path)
        if reader is None:
            continue
        try:
            found |= set(reader(text))
        except (ValueError, RecursionError):
            continue
    return found


def _named(text: str) -> str:
    return text if _ADDRESS.search(text) else plain_name(text) or text


def _options_in(texts: Mapping[str, str]) -> set[str]:
    """The installer's options in requirements files: another index, an editable address, a file read by nobody else."""
    lines = (line for path, text in texts.items() if _reader(path) is _requirement_lines for line in _lines(text))
    return {line for line in lines if line.startswith("-") and not _PLACES.fullmatch(line)}


def _reader(path: str) -> Callable[[str], Iterable[str]] | None:
    name = path.rpartition("/")[2]
    if re.fullmatch(r"requirements[^/]*\.txt", name):
        return _requirement_lines
    if name.endswith((".gradle", ".gradle.kts")):
        return gradle_packages
    return _READERS.get(name)


def plain_name(text: str) -> str | None:
    """A package's name as rules compare it."""
    if match := _PREFIXED.match(text):
        return match[1].lower()
    try:
        return re.sub(r"[-_.]+", "-", Requirement(text).name).lower()
    except InvalidRequirement:
        return None


def _lines(text: str) -> list[str]:
    """The lines of a requirements file without comments, continued ones joined, hashes left out."""
    joined = text.replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*|\s--hash[= ]\S+", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def _requirement_lines(text: str) -> list[str]:
    return [
        line
        for line in _lines(text)
        if line != "." and not line.startswith(("-", *("npm:", "go:", "cargo:", "maven:")))
    ]


def _pyproject_lines(text: str) -> list[str]:
    found = tomllib.loads(text)
    project = table(found, "project")
    groups = [*table(project, "optional-dependencies").values(), *table(found, "dependency-groups").values()]
    lists = [project.get("dependencies", []), *groups]
    return [item for items in lists if isinstance(items, list) for item in items if isinstance(item, str)]


def _package_json(text: str) -> tuple[str, ...]:
    found: Any = json.loads(text)
    return declared_packages(found) if isinstance(found, dict) else ()


_READERS: Mapping[str, Callable[[str], Iterable[str]]] = {
    "pyproject.toml": _pyproject_lines,
    "package.json": _package_json,
    "go.mod": required_modules,
    "Cargo.toml": declared_crates,
    "pom.xml": pom_packages,
    "libs.versions.toml": catalogue_packages,
}
