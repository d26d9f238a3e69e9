"""Where bare repositories lie, and one lock for each."""

import shutil
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from forge.git.run import Git


class Folders:
    """The bare repositories of one forge, named by repository id."""

    def __init__(self, root: Path, program: str) -> None:
        self._root = root
        self._program = program
        self._locks: defaultdict[int, threading.RLock] = defaultdict(threading.RLock)
        self._guard = threading.Lock()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def git(self, repo_id: int) -> Git:
        """git on one repository."""
        return Git(self._program, self._root / f"{repo_id}.git")

    def create(self, repo_id: int, branch: str) -> Git:
        """Make an empty bare repository; one left by an interrupted creation is replaced."""
        git = self.git(repo_id)
        shutil.rmtree(git.folder, ignore_errors=True)
        git.folder.mkdir(mode=0o700)
        git.run("init", "--bare", "--quiet", "--template=", f"--initial-branch={branch}")
        return git

    def delete(self, repo_id: int) -> None:
        """Remove a repository's folder."""
        shutil.rmtree(self.git(repo_id).folder, ignore_errors=True)

    def kilobytes(self, repo_id: int) -> int:
        """How much a repository takes on disk."""
        total = 0
        for file in self.git(repo_id).folder.rglob("*"):
            with suppress(FileNotFoundError):  # git may be moving objects meanwhile
                total += file.lstat().st_size
        return -(-total // 1024)

    def lock(self, repo_id: int) -> threading.RLock:
        """Held while several refs or a ref and the database change together."""
        with self._guard:
            return self._locks[repo_id]
