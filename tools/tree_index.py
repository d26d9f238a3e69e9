"""The files of a tree by folder: changed in memory, and stored as trees again without a git process.

What git's index would do: a file that takes the place of a folder, or the other way round, replaces it; a folder
without files is left out; names that git refuses are refused. Folders that nothing changed in keep their trees.
"""

import os
import re
from collections.abc import Iterable, Mapping

from tools.errors import GitBroken
from tools.gitobjects import EXECUTABLE, FOLDER, LINK, REGULAR, SUBMODULE, readable
from tools.gitrun import Git
from tools.loose_objects import write_object

Content = tuple[str, str]
"""Mode and sha."""

_MODES = frozenset({REGULAR, EXECUTABLE, LINK, SUBMODULE, FOLDER})
_UNSEEN = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
"""Characters that one file system passes over when it compares names."""
_GIT_FOLDER = re.compile(r"(\.git|git~1)[ .]*(:.*)?", re.DOTALL)
_GIT_MODULES = re.compile(r"(\.gitmodules|gitmod~[1-4]|gi[0-9a-f]{0,4}~[0-9]+)[ .]*(:.*)?", re.DOTALL)


def is_refused(name: bytes, mode: str = REGULAR) -> bool:
    """Whether git refuses a file's or folder's name, which some file system may take for `.git` or for a path.

    Git on this host may take a few names with unseen characters; hosts and other systems refuse them.
    """
    if name in {b"", b".", b".."} or b"/" in name or b"\0" in name:
        return True
    parts = _UNSEEN.sub("", name.decode("utf-8", "replace")).lower().split("\\")  # a separator elsewhere
    refused = (_GIT_FOLDER, _GIT_MODULES) if mode == LINK else (_GIT_FOLDER,)
    return any(pattern.fullmatch(part) for part in parts for pattern in refused)


class TreeIndex:
    """The files of `tree`, a commit or tree of the repository, to be changed in memory."""

    def __init__(self, git: Git, tree: str) -> None:
        self.entries: dict[str, Content] = {}
        """All files, links and submodules by path, undecodable bytes as `os.fsdecode` gives them."""
        self._git = git
        self._folders: dict[str, dict[str, Content]] = {"": {}}
        data = git.run("ls-tree", "-r", "-t", "-z", "--full-tree", tree).stdout
        for line in data.split(b"\0")[:-1]:
            meta, _, raw = line.partition(b"\t")
            path, mode = os.fsdecode(raw), meta[:6].decode()
            content = (mode if mode in _MODES else REGULAR, meta[-40:].decode())
            folder, _, name = path.rpartition("/")
            self._folders[folder][name] = content
            if mode == FOLDER:
                self._folders[path] = {}
            else:
                self.entries[path] = content

    def trees_above(self, paths: Iterable[str]) -> set[str]:
        """The shas of the trees of all folders, but for the root, that one of the paths lies in."""
        folders = {folder for path in paths for folder in _above(path)} - {""}
        found = set()
        for folder in folders & self._folders.keys():
            above, _, name = folder.rpartition("/")
            found.add(self._folders[above][name][1])
        return found

    def apply(self, changes: Mapping[str, Content | None]) -> str:
        """Set each path, or remove it for None; store the trees that are new and return that of the root.

        Raises GitBroken for a path that git refuses, with nothing changed, and for a full disk.
        """
        for path, content in changes.items():
            if content is not None:
                _check(path, content[0])
        dirty = {""}
        for path in [path for path, content in changes.items() if content is None]:
            dirty |= _above(path)
            self._remove(path)
        for path, content in changes.items():  # a file that takes a folder's place comes after what lay in it
            if content is not None:
                dirty |= _above(path)
                self._set(path, content)
        return self._store(dirty)

    def _remove(self, path: str) -> None:
        if self.entries.pop(path, None) is not None:
            folder, _, name = path.rpartition("/")
            del self._folders[folder][name]

    def _set(self, path: str, content: Content) -> None:
        folder = ""
        *above, name = path.split("/")
        for step in above:
            inner = f"{folder}/{step}" if folder else step
            if inner not in self._folders:
                self._remove(inner)
                self._folders[inner] = {}
                self._folders[folder][step] = (FOLDER, "")
            folder = inner
        if path in self._folders:
            self._drop(path)
        self._folders[folder][name] = content
        self.entries[path] = content

    def _drop(self, folder: str) -> None:
        for name, (mode, _) in self._folders.pop(folder).items():
            if mode == FOLDER:
                self._drop(f"{folder}/{name}")
            else:
                del self.entries[f"{folder}/{name}"]

    def _store(self, dirty: Iterable[str]) -> str:
        """Store the trees of folders in which something changed, the deepest first."""
        root = ""
        for folder in sorted(dirty, key=lambda folder: folder.count("/") + bool(folder), reverse=True):
            children = self._folders.get(folder)
            if children is None:
                continue  # a file is in its place
            above, _, name = folder.rpartition("/")
            if folder and not children:
                del self._folders[folder], self._folders[above][name]
                continue
            sha = write_object(self._git.git_dir, "tree", self._tree(folder, children))
            if folder:
                self._folders[above][name] = (FOLDER, sha)
            else:
                root = sha
        return root

    def _tree(self, folder: str, children: Mapping[str, Content]) -> bytes:
        rows = []
        for name, (mode, sha) in children.items():
            raw = os.fsencode(name)
            if mode != FOLDER:
                rows.append((raw, b"%s %s\0%s" % (mode.encode(), raw, bytes.fromhex(sha))))
            elif self._folders[f"{folder}/{name}" if folder else name]:
                rows.append((raw + b"/", b"40000 %s\0%s" % (raw, bytes.fromhex(sha))))
        return b"".join(row for _, row in sorted(rows))


def _above(path: str) -> set[str]:
    """All folders that a path lies in."""
    found = set()
    while path:
        path = path.rpartition("/")[0]
        found.add(path)
    return found


def _check(path: str, mode: str) -> None:
    *above, name = os.fsencode(path).split(b"/")
    if is_refused(name, mode) or any(is_refused(step) for step in above):
        raise GitBroken(f"git refuses the path {readable(os.fsencode(path))}", "choose another file name")
