"""Viewing and changing text files of a work tree the way a model does it well: exact replacement.

Every function raises ToolError with what to do next. Paths are relative to the work tree (or below its folder
as seen inside); links are not followed and nothing outside the tree or in `.git` is reached.
"""

import difflib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tools.errors import ToolError
from tools.observation import Observation

if TYPE_CHECKING:
    from tools.worktree import WorkTree

VIEW_LINES = 400
VIEW_CHARACTERS = 30_000
LINE_CHARACTERS = 2_000
FILE_BYTES = 2 * 1024 * 1024
"""Larger files are neither viewed nor edited; the shell has tools for them."""
NEAR_ENOUGH = 0.5
"""Similarity, 0 to 1, from which a passage is offered as what may have been meant."""
_CONTEXT_LINES = 3


def view(worktree: "WorkTree", path: str, start: int = 1, end: int | None = None) -> Observation:
    """Lines `start` to `end` of a file (from 1, both included) with their numbers, or a folder's entries."""
    path = clean_path(path, worktree.workdir)
    kind = worktree.kind_of(path)
    if kind == "folder":
        names = worktree.list_folder(path)
        shown = "\n".join(names[:VIEW_LINES])
        return Observation(verdict=f"{path} is a folder with {len(names)} entries", text=shown)
    if kind == "absent":
        raise ToolError(f"there is no {path}", "look with ls or git ls-files")
    text = as_text(worktree.read_file(path), path)
    shown, first, last, total = numbered(text, path, start, end)
    rest = "" if last >= total else f"[{total - last} more lines; view from line {last + 1} to go on]"
    return Observation(verdict=f"{path}: lines {first} to {last} of {total}", text=shown, note=rest)


def create(worktree: "WorkTree", path: str, content: str) -> Observation:
    """Write a whole file, new or not; missing folders are made."""
    path = clean_path(path, worktree.workdir)
    before = worktree.kind_of(path)
    _check_size(content, path)
    worktree.write_file(path, content.encode())
    lines = content.count("\n") + (not content.endswith("\n") and bool(content))
    word = "created" if before == "absent" else "overwrote"
    return Observation(verdict=f"{word} {path}: {lines} lines")


def edit(worktree: "WorkTree", path: str, old: str, new: str) -> Observation:
    """Replace the one passage of a file that is exactly `old`; the result shows the lines around it."""
    path = clean_path(path, worktree.workdir)
    text = as_text(worktree.read_file(path), path)
    changed, line = replaced(text, old, new, path)
    _check_size(changed, path)
    worktree.write_file(path, changed.encode())
    last = line + new.count("\n") + _CONTEXT_LINES
    shown, *_ = numbered(changed, path, max(1, line - _CONTEXT_LINES), last) if changed else ("", 0, 0, 0)
    return Observation(verdict=f"edited {path}", text=shown)


def clean_path(path: str, workdir: str = "/work") -> str:
    """The path relative to the work tree in its plain form; raises ToolError for one that leads out of it."""
    pure = PurePosixPath(path)
    if pure.is_absolute():
        if not pure.is_relative_to(workdir):
            raise ToolError(f"{path!r} is outside the work tree", f"give a path relative to {workdir}")
        pure = pure.relative_to(workdir)
    if ".." in pure.parts or "\0" in path:
        raise ToolError(f"{path!r} leads out of the work tree", f"give a path relative to {workdir} without '..'")
    if any(part.lower() == ".git" for part in pure.parts):
        raise ToolError(f"{path!r} is git's own", "use the git command in bash")
    if not path.strip() or len(path) > 1000:
        raise ToolError("the path is empty or too long", f"give a path relative to {workdir}")
    return str(pure)


def as_text(content: bytes, path: str) -> str:
    """A file's content as text; raises ToolError for what is too long or no UTF-8 text."""
    if len(content) > FILE_BYTES:
        raise ToolError(f"{path} has {len(content)} bytes, more than {FILE_BYTES}", "look at parts of it in bash")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolError(f"{path} is no UTF-8 text (byte {error.start})", "use bash for binary files") from error
    if "\0" in text:
        raise ToolError(f"{path} is a binary file", "use bash for binary files")
    return text


def numbered(text: str, path: str, start: int, end: int | None) -> tuple[str, int, int, int]:
    """The lines with their numbers, the first and last number shown, and how many lines there are."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    total = len(lines)
    if total == 0:
        return "(the file is empty)", 0, 0, 0
    if not 1 <= start <= total:
        raise ToolError(f"{path} has {total} lines, there is no line {start}", f"give a start from 1 to {total}")
    if end is not None and end < start:
        raise ToolError(f"the end {end} is before the start {start}", "give start <= end")
    last = min(total, end if end is not None else total, start + VIEW_LINES - 1)
    shown: list[str] = []
    size = 0
    for number in range(start, last + 1):
        line = lines[number - 1].removesuffix("\r")
        cut = line if len(line) <= LINE_CHARACTERS else f"{line[:LINE_CHARACTERS]}[… line cut]"
        size += len(cut) + 8
        if size > VIEW_CHARACTERS and shown:
            break
        shown.append(f"{number:>6}\t{cut}")
    return "\n".join(shown), start, start + len(shown) - 1, total


def replaced(text: str, old: str, new: str, path: str) -> tuple[str, int]:
    """The text with its one passage `old` replaced, and the line it begins on; raises ToolError.

    In a file with CRLF line ends, passages written with LF are found and written with CRLF.
    """
    if not old:
        raise ToolError("the passage to replace is empty", "to write a whole file use create")
    if old == new:
        raise ToolError("the passage and its replacement are the same", "say what should be different")
    if old not in text and "\r\n" in text and "\r" not in old:
        old, new = old.replace("\n", "\r\n"), new.replace("\r\n", "\n").replace("\n", "\r\n")
    places = _places(text, old)
    if not places:
        hint, shown = _did_you_mean(text, old)
        raise ToolError(f"the passage is not in {path}", hint, shown)
    if len(places) > 1:
        lines = ", ".join(str(text.count("\n", 0, place) + 1) for place in places[:10])
        raise ToolError(
            f"the passage is in {path} {len(places)} times, at lines {lines}",
            "add lines before or after it until it is there once",
        )
    place = places[0]
    return text[:place] + new + text[place + len(old) :], text.count("\n", 0, place) + 1


def _places(text: str, passage: str) -> list[int]:
    """Where the passage begins, overlapping places included."""
    found: list[int] = []
    place = text.find(passage)
    while place >= 0 and len(found) < 1000:
        found.append(place)
        place = text.find(passage, place + 1)
    return found


def _did_you_mean(text: str, old: str) -> tuple[str, str]:
    """The hint for a passage that is not there, and the nearest lines as they are."""
    lines, wanted = text.splitlines(), old.strip("\n").splitlines()
    found = _nearest(lines, wanted) if wanted else None
    if found is None:
        return "view the file and copy the passage exactly, with its indentation", ""
    start, alike = found
    passage = "\n".join(lines[start : start + len(wanted)])[:VIEW_CHARACTERS]
    if [line.strip() for line in passage.splitlines()] == [line.strip() for line in wanted]:
        return f"only white space differs; did you mean lines {start + 1} to {start + len(wanted)}, as shown", passage
    return f"did you mean lines {start + 1} to {start + len(wanted)}, as shown ({alike:.0%} alike)", passage


def _nearest(lines: list[str], wanted: list[str]) -> tuple[int, float] | None:
    """Where the lines most like `wanted` begin, and how alike they are; None when nothing is near."""
    stripped, target = [line.strip() for line in lines], [line.strip() for line in wanted]
    starts = range(max(1, len(lines) - len(target) + 1))
    words = set(" ".join(target).split())
    ranked = sorted(starts, key=lambda at: -_overlap(stripped[at : at + len(target)], target, words))[:20]
    best: tuple[int, float] | None = None
    for at in ranked:
        here = "\n".join(stripped[at : at + len(target)])[:5000]
        alike = difflib.SequenceMatcher(None, here, "\n".join(target)[:5000], autojunk=False).ratio()
        if best is None or alike > best[1]:
            best = (at, alike)
    return best if best is not None and best[1] >= NEAR_ENOUGH else None


def _overlap(here: list[str], target: list[str], words: set[str]) -> float:
    same = sum(one == other for one, other in zip(here, target, strict=False))
    found = words & set(" ".join(here).split())
    return same / len(target) + (len(found) / len(words) if words else 0)


def _check_size(content: str, path: str) -> None:
    try:
        size = len(content.encode())
    except UnicodeEncodeError as error:
        raise ToolError(f"the text for {path} holds half a character at {error.start}", "send it again") from error
    if size > FILE_BYTES:
        raise ToolError(f"{path} would have {size} bytes, more than {FILE_BYTES}", "write it in parts with bash")
