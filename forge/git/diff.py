"""Differences between two commits or trees, file by file."""

from typing import Literal

from forge.git.run import Git
from forge.records import Record

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
PATCH_BYTES = 1_000_000
"""A longer patch is left out, as GitHub does."""
FileStatus = Literal["added", "removed", "modified", "renamed", "copied", "changed"]
_STATUS: dict[str, FileStatus] = {
    "A": "added",
    "D": "removed",
    "M": "modified",
    "R": "renamed",
    "C": "copied",
    "T": "changed",
}


class FileChange(Record):
    """One changed file; binary files have no patch."""

    path: str
    previous: str | None
    status: FileStatus
    sha: str
    additions: int
    deletions: int
    patch: str | None


def changes(git: Git, old: str, new: str, *, patches: bool = True) -> list[FileChange]:
    """What changed from one tree-ish to another, by path."""
    options = ["--no-ext-diff", "--no-textconv", "--no-color", "-M", "--full-index", "-z"]
    data = git.run("diff-tree", "-r", *options, "--raw", "--numstat", old, new, "--").stdout
    fields = data.decode("utf-8", "replace").split("\0")
    found, position = [], 0
    while position < len(fields) and fields[position].startswith(":"):
        _, _, _, sha, code = fields[position].split(" ")
        names = 2 if code[0] in "RC" else 1
        found.append((code[0], sha, fields[position + 1 : position + 1 + names]))
        position += 1 + names
    counts = _counts(fields[position:])
    texts = _patches(git, old, new) if patches else []
    result = []
    for index, (code, sha, names_) in enumerate(found):
        added, deleted = counts[index] if index < len(counts) else (0, 0)
        result.append(
            FileChange(
                path=names_[-1],
                previous=names_[0] if len(names_) == 2 else None,
                status=_STATUS.get(code, "changed"),
                sha=sha,
                additions=added,
                deletions=deleted,
                patch=texts[index] if index < len(texts) else None,
            )
        )
    return result


def _counts(fields: list[str]) -> list[tuple[int, int]]:
    counts = []
    position = 0
    while position < len(fields) and "\t" in fields[position]:
        added, deleted, name = fields[position].split("\t", 2)
        counts.append((int(added) if added != "-" else 0, int(deleted) if deleted != "-" else 0))
        position += 1 if name else 3  # a rename has an empty name followed by both names
    return counts


def _patches(git: Git, old: str, new: str) -> list[str | None]:
    options = ["--no-ext-diff", "--no-textconv", "--no-color", "-M", "--full-index"]
    data = git.run("diff-tree", "-r", "-p", *options, old, new, "--").stdout
    return split_patches(data)


def split_patches(data: bytes) -> list[str | None]:
    """The hunks of each file of a patch; content lines have a prefix, so headers cannot be forged."""
    texts: list[str | None] = []
    for part in (b"\n" + data).split(b"\ndiff --git ")[1:]:
        start = part.find(b"\n@@ ")
        hunks = part[start + 1 :].removesuffix(b"\n")
        texts.append(hunks.decode("utf-8", "replace") if start >= 0 and len(hunks) <= PATCH_BYTES else None)
    return texts
