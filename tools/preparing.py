"""What a commit needs installed: prepared once for all work trees of it, and the lock files that preparing mended."""

import tempfile
from pathlib import Path

from devctl import Launcher, Limits, Prepared, PrepareRequest
from devctl.ecosystems import LOCK_FILES
from devctl.fitting import installed_at
from tools.clone import copy_files
from tools.gitobjects import LINK, Entry
from tools.mirror import Mirror
from tools.worktree import WorkTree

_PREPARED_FILE_BYTES = 1024 * 1024
"""Larger files are not copied for preparing: no file that declares dependencies is that long, but for locks."""
_LOCK_BYTES = 32 * 1024 * 1024


def take_locks(worktree: WorkTree, prepared: Prepared) -> tuple[str, ...]:
    """Copy the lock files that preparing brought in step with the tree into it; returns their paths."""
    taken = []
    for part in prepared.parts:
        for path in part.locks:
            source = f"{installed_at(worktree.environment.info, part)}/.locks/{path}"
            if worktree.environment.exec(["cp", "--", source, f"./{path}"]).exit_code == 0:
                taken.append(path)
    return tuple(taken)


def prepare_commit(
    launcher: Launcher,
    mirror: Mirror,
    commit: str,
    *,
    packages: tuple[str, ...] = (),
    limits: Limits | None = None,
    role: str = "person",
    repository: str = "",
) -> Prepared:
    """Install what the dependency files of a commit ask for, and `packages`; cached by devctl.

    Raises devctl's PreparationFailed with the installer's output, and LaunchRefused.
    """
    with tempfile.TemporaryDirectory(prefix="roadcrew-prepare-") as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        copy_files(mirror.git, tree, mirror.files(commit), _may_declare)
        request = PrepareRequest(
            tree=tree, packages=packages, limits=limits or Limits(), role=role, repository=repository
        )
        return launcher.prepare(request)


def _may_declare(entry: Entry) -> bool:
    limit = _LOCK_BYTES if entry.path.rpartition("/")[2] in LOCK_FILES else _PREPARED_FILE_BYTES
    return entry.mode != LINK and entry.size <= limit
