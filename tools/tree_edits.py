"""New trees from old ones: files written, removed, or taken from another tree."""

from collections.abc import Iterable, Mapping, Sequence

from tools.gitobjects import EXECUTABLE, REGULAR, Entry, edit_tree, write_blobs
from tools.gitrun import Git


def edited_tree(git: Git, base: str, entries: Iterable[Entry], edits: Mapping[str, bytes | str | None]) -> str:
    """A tree like that of `base`, whose files are `entries`, with files written, or removed for None; modes stay."""
    modes = {entry.path: entry.mode for entry in entries}
    written = {path: _as_bytes(content) for path, content in edits.items() if content is not None}
    shas = write_blobs(git, list(written.values()))
    changes: dict[bytes, tuple[str, str] | None] = {path.encode(): None for path in edits if path not in written}
    for path, sha in zip(written, shas, strict=True):
        mode = EXECUTABLE if modes.get(path) == EXECUTABLE else REGULAR
        changes[path.encode()] = (mode, sha)
    return edit_tree(git, base, changes)


def grafted_tree(git: Git, onto: str, entries: Iterable[Entry], paths: Sequence[str]) -> str:
    """A tree like that of `onto` with these files as they are in `entries`, gone where it has none."""
    there = {entry.raw_path: (entry.mode, entry.sha) for entry in entries}
    return edit_tree(git, onto, {path: there.get(path) for path in {path.encode() for path in paths}})


def _as_bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content
