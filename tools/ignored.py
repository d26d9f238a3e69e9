"""Which new names `.gitignore` files exclude, asked of git in a skeleton folder of our own.

Git is not pointed at the folder itself: a `.gitignore` there could be a pipe that never ends, or a folder
could turn into a link while git looks.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.gitrun import Git

GENERATED = b"""__pycache__/
*.py[co]
*.egg-info/
.pytest_cache/
.mypy_cache/
.ruff_cache/
.hypothesis/
.coverage
.tox/
.nox/
.venv/
node_modules/
.DS_Store
"""
"""What tools leave behind: excluded also where a repository does not say so, unless it says otherwise."""
RULES_BYTES = 1024 * 1024
"""Longer `.gitignore` files are cut there."""


class IgnoreRules:
    """The rules gathered so far; rules of a folder must be added before names in it are asked."""

    def __init__(self, git: Git, skeleton: Path) -> None:
        self._git = git
        self._skeleton = skeleton
        self.add(b"", b"")

    def add(self, folder: bytes, rules: bytes) -> None:
        """Take the content of the `.gitignore` file of a folder."""
        target = self._skeleton / os.fsdecode(folder)
        target.mkdir(parents=True, exist_ok=True)
        before = b"" if folder else GENERATED
        (target / ".gitignore").write_bytes(before + rules[:RULES_BYTES])

    def ignored(self, files: Sequence[bytes], folders: Sequence[bytes]) -> set[bytes]:
        """Those of the files and folders that the rules exclude."""
        for folder in folders:
            (self._skeleton / os.fsdecode(folder)).mkdir(parents=True, exist_ok=True)
        given = b"".join(path + b"\0" for path in (*files, *folders))
        if not given:
            return set()
        options = ("--stdin", "-z", "--no-index")
        output = self._git.run("check-ignore", *options, given=given, accept=(0, 1), work_tree=self._skeleton)
        return {path for path in output.stdout.split(b"\0") if path}


@contextmanager
def ignore_rules(git: Git) -> Iterator[IgnoreRules]:
    """Rules that are forgotten at the end."""
    with tempfile.TemporaryDirectory(prefix="roadcrew-ignore-") as folder:
        yield IgnoreRules(git, Path(folder))
