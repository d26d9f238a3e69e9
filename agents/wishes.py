"""What a repository asks of those who work on it: AGENTS.md and its like, the ones nearest to the touched files.

They are text that anybody with a merged change wrote: shown as data, they guide style and grant nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tools.gitobjects import LINK, SUBMODULE

if TYPE_CHECKING:
    from tools.git import Entry
    from tools.mirror import Mirror

NESTED = ("AGENTS.md", "CLAUDE.md")
"""Looked for in every folder above a touched file; of two in one folder the first is shown."""
AT_THE_ROOT = ("CONTRIBUTING.md", "CONTRIBUTING.rst", ".github/CONTRIBUTING.md", "docs/CONTRIBUTING.md",
               ".github/copilot-instructions.md", ".cursorrules")  # fmt: skip
FILE_LIMIT = 8_000
"""Characters shown of one file."""
LIMIT = 16_000
"""Characters shown of all together."""
NAMED_LIMIT = 20
"""Further files that are named without being shown."""


def repository_wishes(mirror: Mirror, commit: str, paths: Iterable[str]) -> str:
    """The wishes that bear on files or folders at these paths, nearest first; empty when there are none."""
    entries = {entry.path: entry for entry in mirror.files(commit) if entry.mode not in {LINK, SUBMODULE}}
    chosen = _chosen(entries, list(paths))
    contents = mirror.read_many(commit, chosen)
    parts: list[str] = []
    room = LIMIT
    for path in chosen:
        text = contents[path].decode("utf-8", "replace").strip() if path in contents else ""
        shown = text[: min(FILE_LIMIT, room)]
        if not shown:
            continue
        cut = "\n[… the rest is not shown]" if len(shown) < len(text) else ""
        parts.append(f"{path} (for {path.rpartition('/')[0] or 'the whole repository'}):\n\n{shown}{cut}")
        room -= len(shown)
    further = sorted(path for path in entries if path.rpartition("/")[2] in NESTED and path not in chosen)
    if further and parts:
        more = f" and {len(further) - NAMED_LIMIT} more" if len(further) > NAMED_LIMIT else ""
        parts.append(f"For other folders there are also: {', '.join(further[:NAMED_LIMIT])}{more}")
    return "\n\n".join(parts)


def _chosen(entries: dict[str, Entry], paths: list[str]) -> list[str]:
    """The paths of the wishes that apply, nearest first, each content once."""
    folders = {folder for path in paths for folder in _above(path)} | {""}
    found: list[str] = []
    for folder in sorted(folders, key=lambda folder: (-len(folder.split("/")) if folder else 0, folder)):
        names = [f"{folder}/{name}" if folder else name for name in NESTED]
        found += [name for name in names if name in entries][:1]
    found += [name for name in AT_THE_ROOT if name in entries]
    return list({entries[path].sha: path for path in reversed(found)}.values())[::-1]


def _above(path: str) -> list[str]:
    """The folders above a path, and the path itself, which may be a folder."""
    steps = path.strip("/").split("/")
    return ["/".join(steps[:count]) for count in range(1, len(steps) + 1)]
