"""Which new names `.gitignore` files exclude, asked of git in a skeleton folder of our own.

Git is not pointed at the folder itself: a `.gitignore` there could be a pipe that never ends, or a folder
could turn into a link while git looks.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
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


def ignored(git: Git, rules: Mapping[str, bytes], files: Sequence[str], folders: Sequence[str]) -> set[str]:
    """Those of the files and folders that `rules`, `.gitignore` files by the folder they lie in, exclude.

    Paths are relative, `/` between steps, undecodable bytes as `os.fsdecode` gives them.
    """
    if not files and not folders:
        return set()
    with tempfile.TemporaryDirectory(prefix="roadcrew-ignore-") as name:
        skeleton = Path(name)
        above = {folder for path in (*files, *folders) for folder in _above(path)}
        for folder in sorted(above | {""}):
            place = skeleton / folder
            place.mkdir(parents=True, exist_ok=True)
            text = (b"" if folder else GENERATED) + rules.get(folder, b"")[:RULES_BYTES]
            if text:
                (place / ".gitignore").write_bytes(text)
        for folder in folders:
            (skeleton / folder).mkdir(parents=True, exist_ok=True)
        given = b"".join(os.fsencode(path) + b"\0" for path in (*files, *folders))
        options = ("--stdin", "-z", "--no-index")
        output = git.run("check-ignore", *options, given=given, accept=(0, 1), work_tree=skeleton)
    return {os.fsdecode(path) for path in output.stdout.split(b"\0") if path}


def _above(path: str) -> list[str]:
    steps = path.split("/")
    return ["/".join(steps[:count]) for count in range(1, len(steps))]
