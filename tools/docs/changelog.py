"""The changelog in the repository's own manner: one file with sections, or a fragment for each change."""

import re
import tomllib
from pathlib import PurePosixPath
from typing import Any, Literal

from tools.docs.documents import is_changelog
from tools.docs.records import DocumentationNeed
from tools.mirror import Mirror
from tools.record import Record

_HEADING = re.compile(r"^(#{1,3} .*|[^\n]+\n[=\-~]{3,})$", re.MULTILINE)
_VERSION = re.compile(r"\d+\.\d+|unreleased|upcoming|next", re.IGNORECASE)
_FRAGMENT_FOLDERS = ("newsfragments", "changelog.d", "changes", "news", ".changeset")
_FRAGMENT = re.compile(r"[^/]+\.(md|rst|txt)|[^/]+\.[a-z]+(\.\d+)?(\.(md|rst))?")
_NO_FRAGMENT = re.compile(r"(readme|template|config|index)\b.*|\..*", re.IGNORECASE)


class Manner(Record):
    """How a repository keeps its changelog."""

    kind: Literal["file", "fragments"]
    path: str
    """The file, or the folder of fragments."""

    @property
    def words(self) -> str:
        """What is wanted, for people."""
        if self.kind == "file":
            return f"add an entry to {self.path} in its own manner: in the section for what is not released yet, or a new one"
        return f"add one file to {self.path}/, named and written as those before it"


def changelog_manner(mirror: Mirror, commit: str) -> Manner | None:
    """How the changelog is kept at a commit, or None where there is none."""
    paths = [entry.path for entry in mirror.files(commit)]
    folder = _towncrier_folder(mirror, commit) or next(
        (name for name in _FRAGMENT_FOLDERS if any(_is_fragment(path, name) for path in paths)), None
    )
    if folder is not None:
        return Manner(kind="fragments", path=folder)
    files = [path for path in paths if is_changelog(path) and PurePosixPath(path).suffix in {"", ".md", ".rst", ".txt"}]
    files = [path for path in files if path.count("/") < 2 and PurePosixPath(path).parts[0] not in _FRAGMENT_FOLDERS]
    return Manner(kind="file", path=min(files, key=lambda path: (path.count("/"), path))) if files else None


def changelog_need(manner: Manner | None) -> DocumentationNeed | None:
    """The need for an entry."""
    if manner is None:
        return None
    why = f"the repository keeps a changelog: {manner.words}"
    return DocumentationNeed(kind="changelog", name=manner.path, path=manner.path, why=why)


def has_entry(mirror: Mirror, base: str, commit: str, manner: Manner) -> bool:
    """Whether the change adds an entry in this manner: in the newest section, or as a fragment."""
    if manner.kind == "fragments":
        added = [file for file in mirror.changed_files(base, commit) if file.status == "added"]
        return any(_is_fragment(file.path, manner.path) and file.additions for file in added)
    before, after = (mirror.read_many(at, [manner.path]).get(manner.path, b"") for at in (base, commit))
    lines = mirror.changed_lines(base, commit).get(manner.path, frozenset())
    return _adds_entry(before.decode("utf-8", "replace"), after.decode("utf-8", "replace"), lines)


def _adds_entry(before: str, after: str, changed: frozenset[int]) -> bool:
    known = [title for title in _titles(before).values() if _VERSION.search(title)]
    newest = known[0] if known else None
    titles = _titles(after)
    section = ""
    for number, line in enumerate(after.splitlines(), start=1):
        if number in titles and _VERSION.search(titles[number]):
            section = titles[number]
        entry = number in changed and number not in titles and re.search(r"\w{2}", line) is not None
        if entry and (section in {newest, ""} or section not in known):
            return True
    return False


def _titles(text: str) -> dict[int, str]:
    """By line, the headings."""
    return {text.count("\n", 0, match.start()) + 1: match[0].splitlines()[0] for match in _HEADING.finditer(text)}


def _is_fragment(path: str, folder: str) -> bool:
    name = path.removeprefix(f"{folder}/")
    inside = name != path and name.count("/") <= 1
    last = name.rpartition("/")[2]
    return inside and _FRAGMENT.fullmatch(last) is not None and _NO_FRAGMENT.fullmatch(last) is None


def _towncrier_folder(mirror: Mirror, commit: str) -> str | None:
    for path, keys in (("towncrier.toml", ("tool", "towncrier")), ("pyproject.toml", ("tool", "towncrier"))):
        content = mirror.read_many(commit, [path]).get(path)
        table: Any = _toml(content) if content is not None else {}
        for key in keys:
            table = table.get(key, {}) if isinstance(table, dict) else {}
        if isinstance(table, dict) and table:
            named = str(table.get("directory") or _package_folder(table))
            return named.strip("/").removeprefix("./")
    return None


def _package_folder(table: dict[str, Any]) -> str:
    """Where towncrier looks when no directory is given."""
    parts = [str(table.get("package_dir", ".")), *str(table.get("package", "")).split(".")]
    return "/".join(part for part in [*parts, "newsfragments"] if part not in {"", "."})


def _toml(content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8", "replace"))
    except tomllib.TOMLDecodeError:
        return {}
