"""What earlier snapshots of one folder saw, so that the next one reads only what was written since.

A file counts as unchanged when its inode and its change time are those that were seen. Programs cannot set a
change time: every write, rename or change of mode moves it to now. So a file is trusted unless it was written within
a moment of being looked at, as git does with its index. (Writes through a shared memory map move it too, save on
some memory file systems; a snapshot there may miss them until the file is written again. What is judged and pushed
is always the snapshot.)
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tools.errors import GitBroken
from tools.gitobjects import EXECUTABLE, LINK, REGULAR, SUBMODULE
from tools.gitrun import Git
from tools.tree_index import Content, TreeIndex

MOMENT_NS = 50_000_000
"""Change times come from a clock that ticks up to every 10 ms."""
COARSE_MOMENT_NS = 2_100_000_000
"""For file systems that keep whole seconds."""
NEVER = -1


class Seen(NamedTuple):
    """One file as it was last looked at."""

    changed_ns: int
    """NEVER for one that must be looked at again."""
    inode: int


def seen_at(status: os.stat_result, now_ns: int) -> Seen:
    """What to remember of a file that was looked at after `now_ns`."""
    changed = status.st_ctime_ns
    moment = MOMENT_NS if changed % 1_000_000_000 else COARSE_MOMENT_NS
    return Seen(changed if changed < now_ns - moment else NEVER, status.st_ino)


class FolderMemory:
    """The memory of one folder that started from the commit or tree `base`.

    `start` is the tree whose files were laid out in the folder, where it is another.
    """

    def __init__(self, git: Git, base: str, start: str | None = None) -> None:
        self.base = base
        self._index = TreeIndex(git, start or base)
        self.original = dict(self._index.entries if start in {None, base} else TreeIndex(git, base).entries)
        self.base_folders = folders_of(self.original)
        self.submodules = [path for path, (mode, _) in self.original.items() if mode == SUBMODULE]
        self.folders: dict[str, dict[str, Seen]] = {}
        """The files taken of each folder that was walked."""
        self.rules: dict[str, bytes] = {}
        """What the `.gitignore` file of a folder says."""
        self.excluded: dict[str, bool] = {}
        """What the rules said of names that the base does not have; folders end with a slash."""
        self.sizes: dict[str, int] = {}
        """Bytes of the files whose content the base does not have at their path."""
        self.walked = False
        """Whether `folders` says all that there is to say of the entries."""
        self.tree: str | None = None
        self._changed: set[str] = set() if start in {None, base} else self._differing()
        self._git = git
        self._start = start or base

    @property
    def entries(self) -> dict[str, Content]:
        """What the last snapshot's tree holds."""
        return self._index.entries

    def prime(self, folder: Path) -> None:
        """Remember the files as they lie there: nobody but us has written to the folder since they were laid out."""
        now = time.time_ns()
        for top, _, names in os.walk(folder):
            inner = os.path.relpath(top, folder)
            inner = "" if inner == "." else inner
            if inner.partition("/")[0] == ".git":
                continue
            known: dict[str, Seen] = {}
            for name in names:
                path = f"{inner}/{name}" if inner else name
                status = os.lstat(os.path.join(top, name))  # noqa: PTH118 - a hundred thousand times
                if path in self.entries and _mode(status) == self.entries[path][0]:
                    known[name] = seen_at(status, now)
            self.folders[inner] = known

    def forget_additions(self) -> None:
        """Take names that the base does not have for new: the rules that let them in have changed."""
        self.excluded.clear()
        self.walked = False
        for folder in [folder for folder in self.folders if folder and folder not in self.base_folders]:
            del self.folders[folder]
        for folder, known in self.folders.items():
            prefix = f"{folder}/" if folder else ""
            for name in [name for name in known if prefix + name not in self.original]:
                del known[name]

    def apply(self, changes: Mapping[str, Content | None]) -> str:
        """Change the entries and return their tree; raises GitBroken for a path that git refuses."""
        if not changes:
            self.tree = self.tree or self._git.run("rev-parse", f"{self._start}^{{tree}}").text
            return self.tree
        try:
            self.tree = self._index.apply(changes)
        except GitBroken:
            self._begin_again()
            raise
        if any(path in self.base_folders for path in changes):  # a file in place of all that lay in a folder
            self._changed = self._differing()
        for path in changes:
            (self._changed.add if self._differs(path) else self._changed.discard)(path)
        return self.tree

    def new_objects(self) -> set[str] | None:
        """All objects of the last snapshot's tree that the base lacks, and perhaps a few more; None before it."""
        if self.tree is None:
            return None
        there = {path: self.entries[path] for path in self._changed if path in self.entries}
        blobs = {
            sha
            for path, (mode, sha) in there.items()
            if mode != SUBMODULE and self.original.get(path, ("", ""))[1] != sha
        }
        return {self.tree} | self._index.trees_above(self._changed) | blobs

    def _differs(self, path: str) -> bool:
        return self.entries.get(path) != self.original.get(path)

    def _differing(self) -> set[str]:
        """The paths at which the entries differ from the base."""
        return {path for path in self.entries.keys() | self.original.keys() if self._differs(path)}

    def _begin_again(self) -> None:
        """Forget entries that hold half of a change, and what was seen."""
        self._index = TreeIndex(self._git, self._start)
        self.folders, self.walked, self.tree = {}, False, None
        self._changed = self._differing()


def folders_of(paths: Mapping[str, Content]) -> set[str]:
    """All folders that hold one of the paths."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _mode(status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return LINK
    if stat.S_ISREG(status.st_mode):
        return EXECUTABLE if status.st_mode & stat.S_IXUSR else REGULAR
    return None
