"""From a folder that something untrusted writes to, a tree in the mirror; nothing in the folder is ever run.

The folder is walked here, component by component and without following a link, and git is only handed bytes:
it never sees the folder as a repository. So no hook, filter, fsmonitor, attribute or nested repository of it
can act. Names that the folder's `.gitignore` files exclude are left out unless the base has them. `.git` is
left out at every depth, and what lies in a nested repository is taken as plain files.
"""

import errno
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from tools import gitobjects
from tools.errors import TreeTooBig
from tools.gitobjects import EXECUTABLE, LINK, REGULAR, SUBMODULE, readable
from tools.gitrun import Git
from tools.ignored import IgnoreRules, ignore_rules
from tools.record import Record

CHUNK_BYTES = 32 * 1024 * 1024


class SnapshotLimits(Record):
    """What a work tree may hold beyond its base."""

    new_files: int = Field(default=20_000, gt=0)
    new_bytes: int = Field(default=256 * 1024 * 1024, gt=0)
    file_bytes: int = Field(default=64 * 1024 * 1024, gt=0)


class TakenTree(Record):
    """A folder as a tree of the mirror."""

    tree: str
    skipped: tuple[str, ...] = ()
    """Names that git has no place for: sockets, pipes, devices, names that git refuses."""


@dataclass
class _Walk:
    git: Git
    folder: Path
    limits: SnapshotLimits
    base: dict[bytes, tuple[str, str]]
    """Mode and sha by path."""
    known_folders: set[bytes]
    rules: IgnoreRules
    found: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    skipped: set[bytes] = field(default_factory=set)
    pending: list[bytes] = field(default_factory=list)
    """Contents that the mirror may lack."""
    pending_bytes: int = 0
    new_files: int = 0
    new_bytes: int = 0


def take_tree(
    git: Git,
    folder: Path,
    base: str,
    limits: SnapshotLimits | None = None,
    unseen: Collection[str] = (),
) -> TakenTree:
    """Store a folder's files as a tree and return it; `base` is the commit or tree that it started from.

    `unseen` are paths that the folder cannot show, being a copy; they stay as the base has them. Raises
    TreeTooBig. Files that change while they are read are taken as they were at some moment.
    """
    entries = {entry.raw_path: (entry.mode, entry.sha) for entry in gitobjects.list_tree(git, base)}
    with ignore_rules(git) as rules:
        walk = _Walk(git, folder, limits or SnapshotLimits(), entries, _folders_of(entries), rules)
        _walk_all(walk)
    _keep_unseen(walk, unseen)
    changes: dict[bytes, tuple[str, str] | None] = {path: None for path in entries if path not in walk.found}
    changes |= {path: entry for path, entry in walk.found.items() if entries.get(path) != entry}
    tree = gitobjects.edit_tree(git, base, changes) if changes else git.run("rev-parse", f"{base}^{{tree}}").text
    return TakenTree(tree=tree, skipped=tuple(readable(path) for path in sorted(walk.skipped)))


def _walk_all(walk: _Walk) -> None:
    level = [b""]
    while level:
        files: list[bytes] = []
        folders: list[bytes] = []
        for name in level:
            _list(walk, name, files, folders)
        ignored = _ignored(walk, files, folders)
        for path in files:
            if path not in ignored:
                _take(walk, path)
        level = [path for path in folders if path not in ignored]
    _store(walk)
    _keep_submodules(walk)


def _folders_of(paths: dict[bytes, tuple[str, str]]) -> set[bytes]:
    return {path[:at] for path in paths for at in range(len(path)) if path[at : at + 1] == b"/"}


def _list(walk: _Walk, name: bytes, files: list[bytes], folders: list[bytes]) -> None:
    """Sort what lies in one folder into files and folders; names that git refuses are skipped."""
    descriptor = _open_folder(walk.folder, name)
    if descriptor is None:
        return
    try:
        with os.scandir(descriptor) as listing:
            for item in listing:
                raw = os.fsencode(item.name)
                path = name + b"/" + raw if name else raw
                if raw.lower() == b".git":
                    continue
                if _is_refused(raw):
                    walk.skipped.add(path)
                elif item.is_dir(follow_symlinks=False):
                    folders.append(path)
                else:
                    files.append(path)
    finally:
        os.close(descriptor)


def _is_refused(name: bytes) -> bool:
    """Whether git refuses the name, which some file system may take for `.git` or for a path."""
    plain = name.decode("utf-8", "ignore").replace("\u200c", "").replace("\u200d", "").lower().rstrip(" .")
    return b"\\" in name or plain.startswith((".git:", "git~1")) or plain == ".git"


def _ignored(walk: _Walk, files: list[bytes], folders: list[bytes]) -> set[bytes]:
    """Those of the names that the folder's .gitignore files exclude; what the base has is never ignored."""
    for path in files:
        folder, _, name = path.rpartition(b"/")
        if name == b".gitignore":
            content = _content(walk, path)
            if content is not None and content[0] != LINK:
                walk.rules.add(folder, content[1])
    new_files = [path for path in files if path not in walk.base]
    new_folders = [path for path in folders if path not in walk.known_folders]
    return walk.rules.ignored(new_files, new_folders)


def _take(walk: _Walk, path: bytes) -> None:
    taken = _content(walk, path)
    if taken is None:
        return
    mode, content = taken
    sha = gitobjects.blob_sha(content)
    walk.found[path] = (mode, sha)
    if walk.base.get(path, ("", ""))[1] != sha:
        _count(walk, path, content)


def _content(walk: _Walk, path: bytes) -> tuple[str, bytes] | None:
    """Mode and content of one file or link; None for what git has no place for or what is gone."""
    parent, _, name = path.rpartition(b"/")
    descriptor = _open_folder(walk.folder, parent)
    if descriptor is None:
        return None
    try:
        return _read(walk, descriptor, name, path)
    except (FileNotFoundError, NotADirectoryError):
        return None  # it went away while we looked
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO}:
            raise
        walk.skipped.add(path)
        return None
    finally:
        os.close(descriptor)


def _read(walk: _Walk, parent: int, name: bytes, path: bytes) -> tuple[str, bytes] | None:
    seen = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if stat.S_ISLNK(seen.st_mode):
        return LINK, os.readlink(name, dir_fd=parent)  # noqa: PTH115 - relative to an open folder
    if not stat.S_ISREG(seen.st_mode):
        if not stat.S_ISDIR(seen.st_mode):
            walk.skipped.add(path)
        return None
    # O_NONBLOCK: a pipe that has taken the file's place since must not hold us up
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        content = file.read(walk.limits.file_bytes + 1)
    if len(content) > walk.limits.file_bytes:
        raise TreeTooBig(
            f"{readable(path)} has more than {walk.limits.file_bytes // 2**20} MB",
            "delete it, or add it to .gitignore if it is not part of the work",
        )
    return (EXECUTABLE if seen.st_mode & stat.S_IXUSR else REGULAR), content


def _count(walk: _Walk, path: bytes, content: bytes) -> None:
    walk.new_files += 1
    walk.new_bytes += len(content)
    if walk.new_files > walk.limits.new_files or walk.new_bytes > walk.limits.new_bytes:
        raise TreeTooBig(
            f"the work tree holds more than {walk.limits.new_files} new files or"
            f" {walk.limits.new_bytes // 2**20} MB of new content; one of them is {readable(path)}",
            "delete what is not part of the work, or add it to .gitignore",
        )
    walk.pending.append(content)
    walk.pending_bytes += len(content)
    if walk.pending_bytes > CHUNK_BYTES:
        _store(walk)


def _store(walk: _Walk) -> None:
    by_sha = {gitobjects.blob_sha(content): content for content in walk.pending}
    lacking = gitobjects.missing(walk.git, by_sha) if by_sha else set()
    gitobjects.write_blobs(walk.git, [by_sha[sha] for sha in sorted(lacking)])
    walk.pending.clear()
    walk.pending_bytes = 0


def _keep_submodules(walk: _Walk) -> None:
    """Submodules are not filled in a clone; they stay unless something else takes their place."""
    for path, (mode, sha) in walk.base.items():
        taken = path in walk.found or any(other.startswith(path + b"/") for other in walk.found)
        if mode == SUBMODULE and not taken:
            walk.found[path] = (mode, sha)


def _keep_unseen(walk: _Walk, unseen: Collection[str]) -> None:
    for path in unseen:
        raw = os.fsencode(path)
        if raw in walk.base:
            walk.found[raw] = walk.base[raw]
        else:
            walk.skipped.add(raw)


def _open_folder(root: Path, name: bytes) -> int | None:
    """Open a folder below the root, refusing a link at every step; None when it is not there (any more)."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for part in _parts(name):
        try:
            inner = os.open(part, flags, dir_fd=descriptor)
        except OSError:  # gone, a link or closed to us
            return None
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def _parts(name: bytes) -> Iterator[bytes]:
    return (part for part in name.split(b"/") if part)
