"""From a folder that something untrusted writes to, a tree in the mirror; nothing in the folder is ever run.

The folder is walked here, component by component and without following a link, and git is only handed bytes:
it never sees the folder as a repository. So no hook, filter, fsmonitor, attribute or nested repository of it
can act. Names that the folder's `.gitignore` files exclude are left out unless the base has them. `.git` is
left out at every depth, and what lies in a nested repository is taken as plain files. A memory of what was seen
before (`tools.folder_memory`) spares reading files that nobody has touched since.
"""

import os
from collections.abc import Collection
from pathlib import Path

from tools.folder_memory import FolderMemory
from tools.folder_walk import SnapshotLimits, Walk, store_pending, too_big, walked
from tools.gitobjects import readable
from tools.gitrun import Git
from tools.record import Record

__all__ = ["SnapshotLimits", "TakenTree", "take_tree"]


class TakenTree(Record):
    """A folder as a tree of the mirror."""

    tree: str
    skipped: tuple[str, ...] = ()
    """Names that git has no place for: sockets, pipes, devices, names that git refuses."""


def take_tree(
    git: Git,
    folder: Path,
    base: str,
    limits: SnapshotLimits | None = None,
    unseen: Collection[str] = (),
    memory: FolderMemory | None = None,
) -> TakenTree:
    """Store a folder's files as a tree and return it; `base` is the commit or tree that it started from.

    `unseen` are paths that the folder cannot show, being a copy; they stay as the base has them. `memory` is what
    earlier calls saw of this very folder. Raises TreeTooBig. Files that change while they are read are taken as they
    were at some moment.
    """
    own = memory or FolderMemory(git, base)
    walk = walked(git, folder, limits or SnapshotLimits(), own)
    _drop_what_is_gone(walk)
    _keep_submodules(walk)
    _keep_unseen(walk, unseen)
    sizes = _sizes(walk)
    store_pending(walk)
    tree = own.apply({path: new for path, new in walk.changes.items() if own.entries.get(path) != new})
    own.folders, own.rules, own.sizes, own.walked = walk.found, walk.rules, sizes, True
    return TakenTree(tree=tree, skipped=tuple(readable(os.fsencode(path)) for path in sorted(walk.skipped)))


def _drop_what_is_gone(walk: Walk) -> None:
    memory = walk.memory
    if not memory.walked:
        there = {f"{folder}/{name}" if folder else name for folder, names in walk.found.items() for name in names}
        gone = memory.entries.keys() - there - set(memory.submodules)
        walk.changes.update(dict.fromkeys(gone))
        return
    for folder, before in memory.folders.items():
        now = walk.found.get(folder, {})
        for name in () if now is before else before.keys() - now.keys():
            walk.changes[f"{folder}/{name}" if folder else name] = None


def _keep_submodules(walk: Walk) -> None:
    """Submodules are not filled in a clone; they stay unless something else takes their place."""
    for path in walk.memory.submodules:
        folder, _, name = path.rpartition("/")
        if name in walk.found.get(folder, {}):
            continue
        filled = any(names for inner, names in walk.found.items() if inner == path or inner.startswith(f"{path}/"))
        walk.changes[path] = None if filled else walk.memory.original[path]


def _keep_unseen(walk: Walk, unseen: Collection[str]) -> None:
    for path in unseen:
        if path in walk.memory.original:
            walk.changes[path] = walk.memory.original[path]
        else:
            walk.skipped.add(path)


def _sizes(walk: Walk) -> dict[str, int]:
    """The sizes of all files that the base does not have as they are; raises TreeTooBig."""
    kept = {path: size for path, size in walk.memory.sizes.items() if path not in walk.changes}
    sizes = kept | walk.sizes
    if len(sizes) > walk.limits.new_files or sum(sizes.values()) > walk.limits.new_bytes:
        raise too_big(walk.limits, max(sizes, key=lambda path: sizes[path]))
    return sizes
