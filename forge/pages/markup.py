"""Turning what people wrote into HTML that cannot run: markdown without raw HTML, times, diffs."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from markdown_it import MarkdownIt
from markupsafe import Markup

from forge.actions.reviews import numbered
from forge.git.diff import FileChange
from forge.records import Record

MOST_LINES = 3000
_HIDDEN = re.compile(r"^<!--[^\n]*?-->[ \t]*$", re.MULTILINE)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])


def markdown(text: str | None) -> Markup:
    """Markdown as safe HTML; lines that are only an HTML comment are left out, as on GitHub."""
    shown = _HIDDEN.sub("", text or "")
    return Markup(_parser().render(shown))  # noqa: S704 - raw HTML is off, the renderer escapes the rest  # nosec B704 - raw HTML is off


def when(iso: str | None) -> str:
    """A time as people read it."""
    if not iso:
        return ""
    at = datetime.strptime(iso, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return at.strftime("%d %b %Y, %H:%M UTC")


Kind = Literal["hunk", "add", "delete", "context", "note"]


class DiffLine(Record):
    """One line of a shown diff."""

    kind: Kind
    old: int | None
    new: int | None
    text: str


class DiffFile(Record):
    """One file of a shown diff."""

    change: FileChange
    lines: tuple[DiffLine, ...]
    note: str
    """Why there are no lines, if there are none."""


_KINDS: dict[str, Kind] = {"+": "add", "-": "delete", "\\": "note"}


def diff_file(change: FileChange) -> DiffFile:
    """A file's patch as numbered lines."""
    if change.patch is None:
        moved = change.status == "renamed" and not change.additions and not change.deletions
        note = "Renamed without changes." if moved else "Binary, empty or too large to show."
        return DiffFile(change=change, lines=(), note=note)
    rows = numbered(change.patch)
    if len(rows) > MOST_LINES:
        return DiffFile(change=change, lines=(), note=f"{len(rows)} lines: too many to show here.")
    lines = []
    for old, new, text in rows:
        if old is None and new is None and text.startswith("@@"):
            lines.append(DiffLine(kind="hunk", old=None, new=None, text=text))
        else:
            kind = _KINDS.get(text[:1], "context")
            lines.append(DiffLine(kind=kind, old=old, new=new, text=text[1:]))
    return DiffFile(change=change, lines=tuple(lines), note="")
