"""A tree of files that somebody else wrote, looked at without following a link."""

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath

from devctl.errors import PreparationFailed

_NEVER = frozenset({"node_modules", "vendor", "bower_components", "target", "__pycache__", "site-packages"})
ASIDE = frozenset(
    [
        "docs",
        "doc",
        "website",
        "site",
        "example",
        "examples",
        "sample",
        "samples",
        "demo",
        "demos",
        "benchmark",
        "benchmarks",
        "bench",
        "fixtures",
        "fixture",
        "__fixtures__",
        "testdata",
        "test",
        "tests",
        "__tests__",
        "spec",
        "e2e",
        "templates",
        "template",
        "third_party",
    ]
)
"""Folders whose projects are no part of the product: they are not prepared for their own sake."""
FILE_BYTES = 32 * 1024 * 1024
PROJECTS = 8
"""How many projects of one ecosystem are prepared."""
DEPTH = 2


class Tree:
    """The files of a tree."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Plain files, the shallowest first; folders that hold installed packages are left out."""
        found: list[str] = []
        for folder, names, files in os.walk(self.root):
            names[:] = [name for name in names if name not in _NEVER and (name[0] != "." or name in (".yarn", ".mvn"))]
            inner = Path(folder).relative_to(self.root)
            found += [str(inner / name) for name in files if not (Path(folder) / name).is_symlink()]
        return tuple(sorted(found, key=lambda path: (path.count("/"), path)))

    def named(self, *names: str) -> list[str]:
        """Paths of the files with one of these names, the shallowest first."""
        return [path for path in self.paths if path.rpartition("/")[2] in names]

    def has(self, path: str) -> bool:
        """Whether there is such a plain file."""
        return (self.root / path).is_file() and not (self.root / path).is_symlink()

    def read(self, path: str) -> bytes:
        """A file's content; raises PreparationFailed."""
        try:
            with (self.root / path).open("rb") as file:
                content = file.read(FILE_BYTES + 1)
        except OSError as error:
            raise PreparationFailed(
                f"{path} cannot be read: {error}", log=str(error), hint=f"correct {path}"
            ) from error
        if len(content) > FILE_BYTES:
            raise PreparationFailed(f"{path} has more than {FILE_BYTES // 2**20} MB", log="", hint="shorten it")
        return content

    def read_text(self, path: str) -> str:
        """A file's text; raises PreparationFailed."""
        try:
            return self.read(path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise broken(path, error) from error

    def projects(self, manifests: Iterable[str], locks: Iterable[str] = ()) -> tuple[str, ...]:
        """The folders of an ecosystem's projects: the shallowest, and those below with a lock file of their own.

        What lies in a folder set aside for examples, tests or documentation is no project, unless nothing else is.
        """
        folders = list(dict.fromkeys(parent(path) for path in self.named(*manifests) if path.count("/") <= DEPTH))
        own = [folder for folder in folders if not ASIDE & set(PurePosixPath(folder).parts)] or folders
        if not own:
            return ()
        top = own[0].count("/") + bool(own[0])
        locked = {parent(path) for path in self.named(*locks)}
        chosen = [folder for folder in own if folder.count("/") + bool(folder) == top or folder in locked]
        return tuple(chosen[:PROJECTS])


def parent(path: str) -> str:
    """The folder of a path; `""` for the tree itself."""
    return path.rpartition("/")[0]


def joined(folder: str, name: str) -> str:
    """A path in a folder of the tree."""
    return f"{folder}/{name}" if folder else name


def broken(path: str, error: Exception) -> PreparationFailed:
    """The error of a file that is not what its name says."""
    return PreparationFailed(f"{path} cannot be read: {error}", log=f"{path}: {error}", hint=f"correct {path}")
