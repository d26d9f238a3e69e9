"""A walk through a folder that something untrusted writes to: what is new, changed or ignored since the last one.

Each folder is opened relative to the one above it and no link is followed; nothing of what lies there is run.
"""

import errno
import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from tools import gitobjects
from tools.errors import TreeTooBig
from tools.folder_memory import FolderMemory, Seen, seen_at
from tools.gitobjects import EXECUTABLE, LINK, REGULAR, readable
from tools.gitrun import Git
from tools.ignored import RULES_BYTES, ignored
from tools.loose_objects import write_object
from tools.record import Record
from tools.tree_index import Content, is_refused

CHUNK_BYTES = 32 * 1024 * 1024
LOOSE = 100
"""Up to so many contents are stored one by one; more go to git together."""
DEPTH = 100
"""Folders below folders that are held open at once; deeper ones are opened anew from the root."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class SnapshotLimits(Record):
    """What a work tree may hold beyond its base."""

    new_files: int = Field(default=20_000, gt=0)
    new_bytes: int = Field(default=256 * 1024 * 1024, gt=0)
    file_bytes: int = Field(default=64 * 1024 * 1024, gt=0)


@dataclass
class Walk:
    """What one snapshot finds."""

    git: Git
    folder: Path
    limits: SnapshotLimits
    memory: FolderMemory
    now_ns: int
    """When the walk began: what is written from now on must be looked at again."""
    found: dict[str, dict[str, Seen]] = field(default_factory=dict)
    """The files of each folder, as `FolderMemory.folders`."""
    changes: dict[str, Content | None] = field(default_factory=dict)
    """By path, in which way the tree differs from the last one."""
    rules: dict[str, bytes] = field(default_factory=dict)
    new_files: list[str] = field(default_factory=list)
    """Names that neither the memory nor the base has."""
    new_folders: list[str] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of the files that were read and that the base does not have as they are."""
    new_bytes: int = 0
    pending: list[bytes] = field(default_factory=list)
    """Contents that the mirror may lack."""
    pending_bytes: int = 0


def walked(git: Git, folder: Path, limits: SnapshotLimits, memory: FolderMemory) -> Walk:
    """Walk all folders that are known, then level by level those that are new and not ignored."""
    walk = Walk(git, folder, limits, memory, time.time_ns())
    _walk_known(walk)
    if memory.walked and memory.rules != walk.rules:
        memory.forget_additions()
        walk = Walk(git, folder, limits, memory, time.time_ns())
        _walk_known(walk)
    while walk.new_files or walk.new_folders:
        files, folders = walk.new_files, walk.new_folders
        walk.new_files, walk.new_folders = [], []
        excluded = _excluded(walk, files, folders)
        for path in files:
            if path not in excluded:
                _take(walk, path)
        for path in folders:
            if path not in excluded:
                _walk_new(walk, path)
    return walk


def _walk_known(walk: Walk) -> None:
    root = os.open(walk.folder, os.O_RDONLY | os.O_DIRECTORY)
    deep: list[str] = []
    try:
        _walk_below(walk, root, "", DEPTH, deep)
    finally:
        os.close(root)
    for path in deep:
        _walk_new(walk, path)


def _walk_below(walk: Walk, descriptor: int, folder: str, depth: int, deep: list[str]) -> None:
    """Walk an open folder and the known ones below it; those deeper than `depth` are left in `deep`."""
    prefix = f"{folder}/" if folder else ""
    for name in _list(walk, descriptor, folder):
        if depth == 0:
            deep.append(prefix + name)
            continue
        try:
            inner = os.open(name, _FOLDER, dir_fd=descriptor)
        except OSError:  # gone, a link or closed to us
            continue
        try:
            _walk_below(walk, inner, prefix + name, depth - 1, deep)
        finally:
            os.close(inner)


def _walk_new(walk: Walk, path: str) -> None:
    descriptor = _open_folder(walk.folder, path)
    if descriptor is None:
        return
    try:
        known = _list(walk, descriptor, path)
    finally:
        os.close(descriptor)
    walk.new_folders += [f"{path}/{name}" for name in known]


def _list(walk: Walk, descriptor: int, folder: str) -> list[str]:
    """Look at what lies in one open folder and return the names of the folders in it that are known."""
    known = walk.memory.folders.get(folder, {})
    same = 0
    others: list[os.DirEntry[str]] = []
    with os.scandir(descriptor) as listing:
        for item in listing:  # for each file of the repository: the shortest way for those that are as they were
            before = known.get(item.name)
            if before is not None:
                status = item.stat(follow_symlinks=False)
                if status.st_ctime_ns == before[0] and status.st_ino == before[1]:
                    same += 1
                    continue
            others.append(item)
        if others or same != len(known):
            changed = {item.name for item in others}
            there = set(os.listdir(descriptor)) if same != len(known) else known.keys()  # noqa: PTH208 - an open folder
            known = {name: seen for name, seen in known.items() if name in there and name not in changed}
        walk.found[folder] = known
        if ".gitignore" in known and folder in walk.memory.rules:
            walk.rules[folder] = walk.memory.rules[folder]
        elif ".gitignore" in known or any(item.name == ".gitignore" for item in others):
            _note_rules(walk, folder)
        return [item.name for item in others if _sort_out(walk, folder, item)]


def _sort_out(walk: Walk, folder: str, item: os.DirEntry[str]) -> bool:
    """Take a file that the base or the memory has, note what is new; True for a folder that is known."""
    name, path = item.name, f"{folder}/{item.name}" if folder else item.name
    if name.lower() == ".git":
        return False
    if is_refused(os.fsencode(name)):
        walk.skipped.add(path)
        return False
    if item.is_dir(follow_symlinks=False):
        if path in walk.memory.base_folders or path in walk.memory.folders:
            return True
        walk.new_folders.append(path)
    elif path in walk.memory.original or name in walk.memory.folders.get(folder, {}):
        _take(walk, path)
    else:
        walk.new_files.append(path)
    return False


def _note_rules(walk: Walk, folder: str) -> None:
    content = _content(walk, f"{folder}/.gitignore" if folder else ".gitignore")
    if content is not None and content[0] != LINK:
        walk.rules[folder] = content[1][:RULES_BYTES]


def _excluded(walk: Walk, files: list[str], folders: list[str]) -> set[str]:
    """Those of the names that `.gitignore` files exclude; what they said before of a name still holds."""
    said = walk.memory.excluded
    asked = ([path for path in files if path not in said], [path for path in folders if f"{path}/" not in said])
    answer = ignored(walk.git, walk.rules, *asked) | {path for path in asked[0] if _is_made_lock(walk, path)}
    said.update({path: path in answer for path in asked[0]})
    said.update({f"{path}/": path in answer for path in asked[1]})
    return {path for path in files if said[path]} | {path for path in folders if said[f"{path}/"]}


def _is_made_lock(walk: Walk, path: str) -> bool:
    """Whether this is the lock that Cargo writes wherever it runs, beside a manifest that the base keeps without one."""
    folder, _, name = path.rpartition("/")
    return name == "Cargo.lock" and (f"{folder}/Cargo.toml" if folder else "Cargo.toml") in walk.memory.original


def _take(walk: Walk, path: str) -> None:
    taken = _content(walk, path)
    if taken is None:
        return
    mode, content, seen = taken
    if mode == LINK and is_refused(os.fsencode(path.rpartition("/")[2]), LINK):
        walk.skipped.add(path)
        return
    sha = gitobjects.blob_sha(content)
    folder, _, name = path.rpartition("/")
    walk.found[folder][name] = seen
    walk.changes[path] = (mode, sha)
    if walk.memory.original.get(path, ("", ""))[1] != sha:
        _count(walk, path, content)
        if walk.memory.entries.get(path, ("", ""))[1] != sha:
            _keep_content(walk, content)


def _content(walk: Walk, path: str) -> tuple[str, bytes, Seen] | None:
    """Mode and content of one file or link; None for what git has no place for or what is gone."""
    parent, _, name = path.rpartition("/")
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


def _read(walk: Walk, parent: int, name: str, path: str) -> tuple[str, bytes, Seen] | None:
    looked = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if stat.S_ISLNK(looked.st_mode):
        target = os.readlink(name, dir_fd=parent)  # noqa: PTH115 - relative to an open folder
        return LINK, os.fsencode(target), seen_at(looked, walk.now_ns)
    if not stat.S_ISREG(looked.st_mode):
        if not stat.S_ISDIR(looked.st_mode):
            walk.skipped.add(path)
        return None
    # O_NONBLOCK: a pipe that has taken the file's place since must not hold us up
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        content = file.read(walk.limits.file_bytes + 1)
    if len(content) > walk.limits.file_bytes:
        raise TreeTooBig(
            f"{readable(os.fsencode(path))} has more than {walk.limits.file_bytes // 2**20} MB",
            "delete it, or add it to .gitignore if it is not part of the work",
        )
    return (EXECUTABLE if status.st_mode & stat.S_IXUSR else REGULAR), content, seen_at(status, walk.now_ns)


def _count(walk: Walk, path: str, content: bytes) -> None:
    """Count content that the base lacks, as far as the limits go."""
    walk.sizes[path] = len(content)
    walk.new_bytes += len(content)
    if len(walk.sizes) > walk.limits.new_files or walk.new_bytes > walk.limits.new_bytes:
        raise too_big(walk.limits, path)


def _keep_content(walk: Walk, content: bytes) -> None:
    """Keep content that the mirror may lack."""
    walk.pending.append(content)
    walk.pending_bytes += len(content)
    if walk.pending_bytes > CHUNK_BYTES:
        store_pending(walk)


def too_big(limits: SnapshotLimits, path: str) -> TreeTooBig:
    """The error for a folder that holds too much, such as what lies at the path."""
    return TreeTooBig(
        f"the work tree holds more than {limits.new_files} new files or"
        f" {limits.new_bytes // 2**20} MB of new content; one of them is {readable(os.fsencode(path))}",
        "delete what is not part of the work, or add it to .gitignore",
    )


def store_pending(walk: Walk) -> None:
    """Give the mirror the contents that it lacks."""
    if len(walk.pending) <= LOOSE:
        for content in walk.pending:
            write_object(walk.git.git_dir, "blob", content)
    else:
        by_sha = {gitobjects.blob_sha(content): content for content in walk.pending}
        lacking = gitobjects.missing(walk.git, by_sha)
        gitobjects.write_blobs(walk.git, [by_sha[sha] for sha in sorted(lacking)])
    walk.pending.clear()
    walk.pending_bytes = 0


def _open_folder(root: Path, name: str) -> int | None:
    """Open a folder below the root, refusing a link at every step; None when it is not there (any more)."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for part in name.split("/") if name else ():
        try:
            inner = os.open(part, _FOLDER, dir_fd=descriptor)
        except OSError:  # gone, a link or closed to us
            return None
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor
