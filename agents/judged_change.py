"""A change as the policy judges it: files with their modes and sizes, packages that it adds."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from policies import FileChange
from tools.errors import ObjectMissing
from tools.mirror import Mirror
from tools.patch import ChangedFile

LINK_MODE = "120000"
REQUIREMENTS = re.compile(r"(^|/)requirements[^/]*\.txt$")


def file_changes(mirror: Mirror, base: str, commit: str) -> tuple[FileChange, ...]:
    """Return the files in which two commits differ."""
    sizes = {entry.path: entry.size for entry in mirror.files(commit)}
    return tuple(_file_change(mirror, commit, file, sizes) for file in mirror.changed_files(base, commit))


def new_packages(mirror: Mirror, base: str, commit: str) -> tuple[str, ...]:
    """Return the normalised names of packages that a change declares and its base does not."""
    return tuple(sorted(_declared(mirror, commit) - _declared(mirror, base)))


def _file_change(mirror: Mirror, commit: str, file: ChangedFile, sizes: dict[str, int]) -> FileChange:
    kinds = {"added": "added", "deleted": "deleted"}
    mode = file.old_mode if file.status == "deleted" else file.new_mode
    target = None
    if mode == LINK_MODE and file.status != "deleted":
        target = mirror.read(commit, file.path).decode("utf-8", "replace")
    return FileChange.model_validate(
        {
            "path": file.path,
            "mode": mode,
            "kind": kinds.get(file.status, "modified"),
            "size": sizes.get(file.path, 0) or 0,
            "link_target": target,
            "binary": file.binary,
        }
    )


def _declared(mirror: Mirror, commit: str) -> set[str]:
    """Return the names in all requirements files and pyproject tables of a commit."""
    paths = [entry.path for entry in mirror.files(commit)]
    wanted = [path for path in paths if REQUIREMENTS.search(path) or path.rpartition("/")[2] == "pyproject.toml"]
    try:
        texts = mirror.read_many(commit, wanted)
    except ObjectMissing:
        return set()
    lines: list[str] = []
    for path, content in texts.items():
        text = content.decode("utf-8", "replace")
        lines += text.splitlines() if path.endswith(".txt") else _pyproject_lines(text)
    return {name for name in map(_name, lines) if name}


def _pyproject_lines(text: str) -> list[str]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return []
    project = _table(table, "project")
    groups = [*_table(project, "optional-dependencies").values(), *_table(table, "dependency-groups").values()]
    lists = [project.get("dependencies", []), *groups]
    return [item for items in lists if isinstance(items, list) for item in items if isinstance(item, str)]


def _table(outer: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an inner table; a stranger's file may hold anything there."""
    inner = outer.get(name)
    return inner if isinstance(inner, dict) else {}


def _name(line: str) -> str | None:
    text = line.split("#", 1)[0].strip()
    if not text or text.startswith("-"):
        return None
    try:
        return re.sub(r"[-_.]+", "-", Requirement(text).name).lower()
    except InvalidRequirement:
        return None
