"""Documentation sites that a repository builds: mkdocs and Sphinx, in their strict modes."""

import re
import tomllib
from typing import Any

from tools.mirror import Mirror

_FILES = ("docs/requirements.txt", "doc/requirements.txt", "requirements-docs.txt", "docs-requirements.txt",
          "requirements/docs.txt", "requirements_docs.txt")  # fmt: skip
_GROUPS = ("docs", "doc", "documentation")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^\]]*\])?\s*([<>=!~].*|@.*)?(;.*)?$")
MKDOCS = ("mkdocs.yml", "mkdocs.yaml")
SPHINX = ("docs/conf.py", "doc/conf.py", "docs/source/conf.py")


def site_packages(mirror: Mirror, commit: str) -> tuple[str, ...]:
    """What the documents of a commit are made with, as its requirement files and groups for them say."""
    known = {entry.path for entry in mirror.files(commit)}
    if not known & {*MKDOCS, *SPHINX}:
        return ()
    texts = mirror.read_many(commit, [path for path in _FILES if path in known])
    lines = [line for content in texts.values() for line in content.decode("utf-8", "replace").splitlines()]
    lines += _grouped(mirror.read_many(commit, ["pyproject.toml"]).get("pyproject.toml", b""))
    wanted = [line.split(" #")[0].strip() for line in lines]
    return tuple(dict.fromkeys(line for line in wanted if _REQUIREMENT.match(line) and "@" not in line))


def _grouped(content: bytes) -> list[str]:
    try:
        table = tomllib.loads(content.decode("utf-8", "replace"))
    except tomllib.TOMLDecodeError:
        return []
    project: Any = table.get("project", {})
    places: list[Any] = [project.get("optional-dependencies") if isinstance(project, dict) else None]
    places.append(table.get("dependency-groups"))
    found: list[str] = []
    for place in places:
        for name in _GROUPS if isinstance(place, dict) else ():
            lines = place.get(name, [])
            found += [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    return found
