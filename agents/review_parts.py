"""A change as the Reviewer reads it: whole where it fits, else part by part, and what nobody read is named.

Every file of a change is in a part, a long one in several. What is left out is what a machine writes (the tail of lock
files), what is no text, and what lies beyond the most parts; the last of these keeps a change from being signed off.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from agents.threads import Record
from devctl.ecosystems import LOCK_FILES

PART = 120_000
"""Characters of a part."""
MOST = 8
"""Parts that one review reads."""
LEAST = 4_000
"""Characters below which a part is not cut again: what does not fit then does not fit at all."""
LOCK = 20_000
"""Characters of a lock file that are shown."""
BINARY = re.compile(r"^(Binary files .* differ|GIT binary patch)$", re.MULTILINE)
NEW_NAME = re.compile(r'^diff --git "?a/.* "?b/(.*?)"?$', re.MULTILINE)


class Part(Record):
    """Some of a change's files, or a piece of one."""

    text: str
    """A unified diff."""
    names: tuple[str, ...]
    """The files in it, as the diff names them."""


class Reading(Record):
    """How a change is read."""

    parts: tuple[Part, ...]
    unread: tuple[str, ...] = ()
    """What nobody reads, that need not be read: each with the reason."""
    beyond: tuple[str, ...] = ()
    """Files that would have to be read and lie beyond the most parts."""

    @property
    def text(self) -> str:
        """All that is read."""
        return "".join(part.text for part in self.parts)


def reading_of(files: Sequence[str], size: int = PART, most: int = MOST) -> Reading:
    """Lay out the diffs of single files in parts of at most this size, in their order."""
    unread: list[str] = []
    pieces: list[Part] = []
    for file in files:
        name = _name(file)
        if name.rpartition("/")[2] in LOCK_FILES and len(file) > LOCK:
            unread.append(f"{name} (all but the first {LOCK:,} characters of what a program wrote)")
            file = f"{_up_to(file, LOCK)}[… the rest of this lock file is not shown]\n"
        elif BINARY.search(file.partition("\n@@")[0]):
            unread.append(f"{name} (no text)")
        pieces += [Part(text=piece, names=(name,)) for piece in _pieces(file, size)]
    parts = _filled(pieces, size)
    beyond = dict.fromkeys(name for part in parts[most:] for name in part.names)
    return Reading(parts=tuple(parts[:most]), unread=tuple(unread), beyond=tuple(beyond))


def halves(part: Part) -> tuple[Part, ...]:
    """Cut a part in about two; the part alone where it is too short for that."""
    if len(part.text) < LEAST:
        return (part,)
    files = by_file(part.text)
    pieces = [Part(text=piece, names=(_name(file),)) for file in files for piece in _pieces(file, len(part.text) // 2)]
    return tuple(_filled(pieces, len(part.text) // 2 + 1))


def of_files(text: str, names: Sequence[str]) -> str:
    """Return what a diff says of these files."""
    return "".join(file for file in by_file(text) if _name(file) in names)


def names_in(text: str) -> tuple[str, ...]:
    """Return the files of a diff."""
    return tuple(dict.fromkeys(map(_name, by_file(text))))


def by_file(text: str) -> list[str]:
    """Return a diff file by file."""
    starts = [match.start() for match in re.finditer(r"^diff --git ", text, re.MULTILINE)]
    return [text[start:end] for start, end in pairwise([*starts, len(text)])]


def _filled(pieces: Sequence[Part], size: int) -> list[Part]:
    """Join neighbours as long as they fit."""
    parts: list[Part] = []
    for piece in pieces:
        if parts and len(parts[-1].text) + len(piece.text) <= size:
            names = dict.fromkeys((*parts[-1].names, *piece.names))
            parts[-1] = Part(text=parts[-1].text + piece.text, names=tuple(names))
        else:
            parts.append(piece)
    return parts


def _pieces(file: str, size: int) -> list[str]:
    """Cut one file's diff between lines; each piece begins with the file's head, so that it is known again."""
    if len(file) <= size:
        return [file]
    head, mark, body = file.partition("\n@@")
    head = f"{head}\n"
    room = max(size - len(head) - 100, 200)
    pieces: list[str] = []
    kept: list[str] = []
    length = 0
    for line in _short_lines(f"@@{body}" if mark else "", room):
        if kept and length + len(line) > room:
            pieces.append("".join(kept))
            kept, length = ["@@ the same file goes on @@\n"], 0
        kept.append(line)
        length += len(line)
    return [head + piece for piece in (*pieces, "".join(kept))]


def _short_lines(body: str, room: int) -> list[str]:
    """The lines of a diff; one that is longer than a whole piece goes on in lines with the same sign."""
    lines: list[str] = []
    for line in body.removesuffix("\n").split("\n"):
        sign, rest = line[:1], line[1:]
        lines += [f"{sign}{rest[at : at + room - 2]}\n" for at in range(0, max(len(rest), 1), room - 2)]
    return lines


def _up_to(file: str, size: int) -> str:
    return file[:size].rpartition("\n")[0] + "\n"


def _name(file: str) -> str:
    found = NEW_NAME.match(file)
    return found[1] if found else file.partition("\n")[0][:200]
