"""The difference between two trees: changed files, text with limits, changed lines."""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from tools.gitrun import Git
from tools.record import Record

_HUNK = re.compile(rb"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
_STATUS: dict[str, Literal["added", "modified", "deleted", "type"]] = {
    "A": "added",
    "M": "modified",
    "D": "deleted",
    "T": "type",
}


class ChangedFile(Record):
    """One file in which two trees differ."""

    path: str
    status: Literal["added", "modified", "deleted", "type"]
    """`type`: a file became a link, or the like."""
    old_mode: str
    """000000 where there was none."""
    new_mode: str
    additions: int
    """Lines; 0 for binary files."""
    deletions: int
    binary: bool


class DiffLimits(Record):
    """How much of a difference is shown."""

    characters: int = Field(default=120_000, gt=0)
    """In all."""
    file_characters: int = Field(default=40_000, gt=0)
    """Of one file."""


class Diff(Record):
    """The difference between two trees as a unified diff."""

    text: str
    truncated: bool
    """True when parts were left out; the text says which."""
    files: tuple[ChangedFile, ...]

    @property
    def verdict(self) -> str:
        """The difference in one line."""
        added, deleted = (
            sum(file.additions for file in self.files),
            sum(file.deletions for file in self.files),
        )
        return f"change: {len(self.files)} file(s), +{added} -{deleted}"


def changed_files(git: Git, base: str, commit: str) -> tuple[ChangedFile, ...]:
    """The files in which two commits or trees differ, without guessing at renames."""
    options = (
        "-r",
        "-z",
        "--no-renames",
        "--raw",
        "--numstat",
        "--full-index",
        "--no-ext-diff",
        "--no-textconv",
    )
    fields = git.run("diff-tree", *options, base, commit).stdout.split(b"\0")
    modes: dict[bytes, tuple[str, str, str]] = {}
    counts: dict[bytes, tuple[bytes, bytes]] = {}
    position = 0
    while position < len(fields) and fields[position]:
        field = fields[position]
        if field.startswith(b":"):
            old, new, _, _, status = field[1:].decode().split(" ")
            modes[fields[position + 1]] = (old, new, status[0])
            position += 2
        else:
            added, deleted, path = field.split(b"\t", 2)
            counts[path] = (added, deleted)
            position += 1
    return tuple(_changed_file(path, mode, counts.get(path)) for path, mode in modes.items())


def _changed_file(path: bytes, mode: tuple[str, str, str], count: tuple[bytes, bytes] | None) -> ChangedFile:
    old, new, status = mode
    added, deleted = count or (b"0", b"0")
    return ChangedFile(
        path=path.decode("utf-8", "backslashreplace"),
        status=_STATUS.get(status, "modified"),
        old_mode=old,
        new_mode=new,
        additions=int(added) if added.isdigit() else 0,
        deletions=int(deleted) if deleted.isdigit() else 0,
        binary=added == b"-",
    )


def diff(git: Git, base: str, commit: str, limits: DiffLimits, paths: Sequence[str] = ()) -> Diff:
    """The difference of two trees, of `paths` alone where some are given.

    Long files are cut, and beyond the limit files are left out.
    """
    options = ("-r", "-p", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv")
    only = [f":(literal){path}" for path in paths]
    output = git.run("diff-tree", *options, base, commit, "--", *only).stdout.decode("utf-8", "replace")
    parts, truncated, left, omitted = [], False, limits.characters, 0
    for part in _by_file(output):
        shown = part
        if len(part) > limits.file_characters:
            rest = part.count("\n", limits.file_characters)
            shown = f"{part[: limits.file_characters]}\n[… {rest} more lines of this file are not shown]\n"
            truncated = True
        if len(shown) > left:
            omitted += 1
            continue
        parts.append(shown)
        left -= len(shown)
    if omitted:
        parts.append(f"[… {omitted} more file(s) are not shown]\n")
    return Diff(text="".join(parts), truncated=truncated or omitted > 0, files=changed_files(git, base, commit))


def _by_file(text: str) -> list[str]:
    starts = [match.start() for match in re.finditer(r"^diff --git ", text, re.MULTILINE)]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=False)]


def changed_lines(git: Git, base: str, commit: str) -> dict[str, frozenset[int]]:
    """By path, the numbers of the lines that are new or different in `commit`; deleted files have none."""
    found: dict[str, frozenset[int]] = {}
    for file in changed_files(git, base, commit):
        if file.binary or file.status == "deleted" or "\\x" in file.path:
            continue
        options = ("-r", "-p", "-U0", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv")
        output = git.run("diff-tree", *options, base, commit, "--", f":(literal){file.path}").stdout
        found[file.path] = frozenset(_new_lines(output))
    return found


def _new_lines(output: bytes) -> list[int]:
    numbers: list[int] = []
    for line in output.split(b"\n"):
        match = _HUNK.match(line)
        if match:
            start, count = int(match[1]), int(match[2]) if match[2] is not None else 1
            numbers.extend(range(start, start + count))
    return numbers
