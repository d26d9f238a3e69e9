"""Taking reports out of folders that a build leaves, however many modules it has."""

import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.errors import ToolError
from tools.suites.runner import REPORT_BYTES
from tools.worktree import WorkTree

FILES = 5_000
"""The most report files that are read."""
FOLDERS = 500
_DEPTH = 12


def remove_folders(worktree: WorkTree, pattern: str) -> None:
    """Remove report folders, so that none of an earlier run, or of the repository itself, is taken for this one's."""
    worktree.exec(f"find . {_matching(pattern)} -exec rm -rf {{}} +")


def gather(worktree: WorkTree, pattern: str) -> Mapping[str, bytes]:
    """The XML files below the folders that a pattern names, by path; links are not followed.

    What is over the limits is cut: then the last file is no whole XML, and the reader says so.
    """
    found = worktree.exec(f"find . {_matching(pattern)} -print | head -n {FOLDERS}")
    files: dict[str, bytes] = {}
    for folder in sorted(line.removeprefix("./") for line in found.output.splitlines() if line.startswith("./")):
        with tempfile.TemporaryDirectory(prefix="roadcrew-reports-") as name:
            copy = Path(name) / "reports"
            try:
                worktree.copy_out(folder, copy)
            except ToolError:
                continue
            _read(copy, folder, files)
    return files


def _matching(pattern: str) -> str:
    return f"-maxdepth {_DEPTH} -not -path './.git/*' -type d -path {shlex.quote(pattern)} -prune"


def _read(copy: Path, folder: str, files: dict[str, bytes]) -> None:
    left = REPORT_BYTES - sum(map(len, files.values()))
    for path in sorted(copy.rglob("*.xml")):
        if len(files) >= FILES or left <= 0:
            return
        if path.is_symlink() or not path.is_file() or not path.name.startswith("TEST-"):
            continue
        with path.open("rb") as file:
            data = file.read(left + 1)
        files[f"{folder}/{path.relative_to(copy)}"] = data
        left -= len(data)
