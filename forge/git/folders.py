"""Where bare repositories lie, and one lock for each."""

import shutil
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from forge.git.run import Git

PARTS = ("HEAD", "objects", "refs")
"""Without which git takes a folder for anything but a repository."""
NEW = "new-"
"""How the folder of a repository that is being made begins; a process that dies leaves it to the next one."""


class Folders:
    """The bare repositories of one forge, named by repository id."""

    def __init__(self, root: Path, program: str) -> None:
        self._root = root
        self._program = program
        self._locks: defaultdict[int, threading.RLock] = defaultdict(threading.RLock)
        self._guard = threading.Lock()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in root.glob(f"{NEW}*"):
            shutil.rmtree(left, ignore_errors=True)

    def git(self, repo_id: int) -> Git:
        """git on one repository."""
        return Git(self._program, self._root / f"{repo_id}.git")

    @contextmanager
    def prepared(self, branch: str) -> Iterator[Path]:
        """An empty bare repository that `adopt` gives its place; what is not adopted is removed."""
        folder = self._root / f"{NEW}{uuid.uuid4().hex}"
        folder.mkdir(mode=0o700)
        try:
            git = Git(self._program, folder)
            git.run("init", "--bare", "--quiet", "--template=", f"--initial-branch={branch}")
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def adopt(self, folder: Path, repo_id: int) -> None:
        """Make a prepared folder that of a repository; one left by an interrupted creation is replaced."""
        target = self.git(repo_id).folder
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)

    def problem(self, repo_id: int) -> str:
        """Why git would not take a folder for a repository, or nothing; it looks at names alone, and starts no git."""
        folder = self.git(repo_id).folder
        for name, found in (("", folder.is_dir()), *((name, (folder / name).exists()) for name in PARTS)):
            if not found:
                return f"{name or 'the folder'} is missing"
        return ""

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
