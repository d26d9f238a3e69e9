"""Copying between this host and the work folder of an environment, without ever following a link.

What a program inside has laid out is hostile: each step of a path is opened relative to the folder before
it, with O_NOFOLLOW, so that no link, and no folder swapped for a link meanwhile, leads out.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from devctl.errors import PathRefused

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1024 * 1024


def parts_of(path: str) -> tuple[str, ...]:
    """The steps of a path inside an environment, relative to its work folder; raises PathRefused.

    Absolute paths must begin with /work; `..` is refused even where it would stay inside.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute():
        if pure.parts[:2] != ("/", "work"):
            raise PathRefused(f"the path {path!r} lies outside /work", "give a path below the work folder")
        pure = PurePosixPath(*pure.parts[2:])
    if ".." in pure.parts or "\0" in path:
        raise PathRefused(f"the path {path!r} leads out of /work", "give a path without '..'")
    return pure.parts


class Budget:
    """Counts what one copy carries and refuses to carry more than its limit."""

    def __init__(self, megabytes: int) -> None:
        self.megabytes = megabytes
        self._left = megabytes * 1024 * 1024

    def spend(self, size: int) -> None:
        """Count some bytes; raises PathRefused when the limit is passed."""
        self._left -= size
        if self._left < 0:
            raise PathRefused(f"the copy is larger than {self.megabytes} MiB", "raise the limit disk_mb or copy less")


class Copier:
    """Copies one tree; `owner` is the uid and gid that the copies get, None leaves them the caller's."""

    def __init__(self, budget: Budget, owner: int | None = None, keep_links_out: bool = False) -> None:
        self.budget = budget
        self.owner = owner
        self.keep_links_out = keep_links_out
        """Whether links that lead out are copied as they are: harmless where they only mean paths inside."""
        self.left_out: list[str] = []

    def copy(self, source: int, name: str, target: int, target_name: str, path: PurePosixPath) -> None:
        """Copy an entry of the folder `source` into the folder `target`; `path` is its place in the tree."""
        kind = os.stat(name, dir_fd=source, follow_symlinks=False).st_mode
        if stat.S_ISLNK(kind):
            self._copy_link(source, name, target, target_name, path)
        elif stat.S_ISDIR(kind):
            self._copy_folder(source, name, target, target_name, path)
        elif stat.S_ISREG(kind):
            self._copy_file(source, name, target, target_name)
        else:
            self.left_out.append(str(path))

    def copy_contents(self, source: int, target: int, path: PurePosixPath) -> None:
        """Copy all entries of one open folder into another."""
        for name in sorted(os.listdir(source)):
            self.copy(source, name, target, name, path / name)

    def _copy_folder(self, source: int, name: str, target: int, target_name: str, path: PurePosixPath) -> None:
        with _opened(name, _FOLDER, source) as inner, open_folder(target, target_name, self.owner) as made:
            self.copy_contents(inner, made, path)

    def _copy_file(self, source: int, name: str, target: int, target_name: str) -> None:
        with _opened(name, _FILE, source) as read:
            found = os.fstat(read)
            if not stat.S_ISREG(found.st_mode):
                raise PathRefused(f"{name!r} changed while it was copied", "copy it when nothing writes to it")
            with create_file(target, target_name, found.st_mode, self.owner) as write:
                while chunk := os.read(read, _CHUNK):
                    self.budget.spend(len(chunk))
                    write.write(chunk)

    def _copy_link(self, source: int, name: str, target: int, target_name: str, path: PurePosixPath) -> None:
        points_to = os.readlink(name, dir_fd=source)
        if not self.keep_links_out and leads_out(path, points_to):
            self.left_out.append(str(path))
            return
        make_link(target, target_name, points_to, self.owner)


def leads_out(path: PurePosixPath, points_to: str) -> bool:
    """Tell whether a link at `path` leads out of the tree, judged by its text alone."""
    if points_to.startswith("/"):
        return True
    depth = len(path.parts) - 1
    for part in PurePosixPath(points_to).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


@contextmanager
def open_below(root: Path, parts: tuple[str, ...], create: bool = False, owner: int | None = None) -> Iterator[int]:
    """Open a folder below `root` step by step, never through a link; raises PathRefused.

    With `create` missing folders are made, for `owner`.
    """
    with ExitStack() as stack:
        current = os.open(root, _FOLDER)
        stack.callback(os.close, current)
        for part in parts:
            try:
                step = open_folder(current, part, owner) if create else _opened(part, _FOLDER, current)
                current = stack.enter_context(step)
            except FileNotFoundError as error:
                raise PathRefused(f"{'/'.join(parts)!r} is not there: no folder {part!r}", "check the path") from error
        yield current


@contextmanager
def open_folder(parent: int, name: str, owner: int | None) -> Iterator[int]:
    """Open a folder, made if it is missing; a link or file in its place is refused."""
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
        made = True
    except FileExistsError:
        made = False
    with _opened(name, _FOLDER, parent) as folder:
        if made and owner is not None:
            os.fchown(folder, owner, owner)
        yield folder


@contextmanager
def create_file(folder: int, name: str, mode: int, owner: int | None = None) -> Iterator[IO[bytes]]:
    """Write a new file in the place of whatever had its name; of the mode only whether it can be run is kept."""
    _remove_entry(folder, name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with _opened(name, flags, folder) as descriptor, os.fdopen(os.dup(descriptor), "wb") as file:
        yield file
        os.fchmod(descriptor, 0o755 if mode & 0o111 else 0o644)
        if owner is not None:
            os.fchown(descriptor, owner, owner)


def make_link(folder: int, name: str, points_to: str, owner: int | None = None) -> None:
    """Write a link in the place of whatever had its name."""
    _remove_entry(folder, name)
    os.symlink(points_to, name, dir_fd=folder)
    if owner is not None:
        os.chown(name, owner, owner, dir_fd=folder, follow_symlinks=False)


@contextmanager
def _opened(name: str, flags: int, parent: int, mode: int = 0o600) -> Iterator[int]:
    try:
        descriptor = os.open(name, flags, mode, dir_fd=parent)
    except NotADirectoryError as error:
        raise PathRefused(f"{name!r} is a link or a file where a folder is needed", "check the path") from error
    except OSError as error:
        if error.errno == errno.ELOOP:  # what O_NOFOLLOW answers at a link
            raise PathRefused(f"{name!r} is a link; links are not followed", "name what it points to") from error
        raise
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _remove_entry(folder: int, name: str) -> None:
    """Make room for a file; a folder in its place is refused."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError) as error:
        raise PathRefused(f"{name!r} is a folder where a file is to be written", "remove it first") from error


def kind_of(parent: int, name: str) -> str:
    """Say whether an entry is a `folder` or a `file`; anything else, links too, raises PathRefused."""
    try:
        kind = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError as error:
        raise PathRefused(f"{name!r} is not there", "check the path") from error
    if stat.S_ISDIR(kind):
        return "folder"
    if stat.S_ISREG(kind):
        return "file"
    raise PathRefused(f"{name!r} is a link or a special file; links are not followed", "name what it points to")
