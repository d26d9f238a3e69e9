"""The contents of files that a partial mirror left with the remote, and when they are brought.

Those of each branch's last commits are here after a fetch, so that whoever reads a head, or clones it with its history,
finds them. Older ones are brought when somebody fails to read them: all that one commit holds at once, in one request,
never file by file.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from tools.errors import GitBroken
from tools.gitrun import Git
from tools.mirror_lock import locked
from tools.upstream import HISTORY, Upstream

Found = TypeVar("Found")

PATHS = 200
"""That git is asked for at once."""
CHECKED = 1_000
"""Commits of which is remembered that nothing of theirs is missing."""


class OldBlobs:
    """What a mirror lacks of the commits that it has; nothing, for a mirror that is not partial."""

    def __init__(self, git: Git, upstream: Upstream) -> None:
        self._git = git
        self._upstream = upstream
        self._settled = git.git_dir / "roadcrew-settled"
        self._checked: dict[str, None] = {}

    def reading(self, names: Iterable[str], read: Callable[[], Found], history: int = 1) -> Found:
        """What `read` finds; where it fails, once more with what is missing of these commits or trees."""
        try:
            return read()
        except GitBroken:
            if not self.bring(tuple(names), history):
                raise
            return read()

    def settle(self) -> None:
        """Bring what is still missing of the last commits of each branch that moved, such as a file changed back.

        The caller holds the lock. Raises FetchFailed or RemoteUnavailable. Where this, or the fetch before it, is cut
        short, the next one makes it good.
        """
        if not self._upstream.partial:
            return
        heads = self._git.run("for-each-ref", "--format=%(objectname)", "refs/heads/").text.split()
        known = self._settled.read_text().split() if self._settled.exists() else []
        moved = sorted(set(heads) - set(known))
        if moved:
            self._bring(moved, HISTORY)
        if set(heads) != set(known):
            draft = self._settled.with_name(f"{self._settled.name}.{os.getpid()}.draft")
            draft.write_text("\n".join(sorted(set(heads))))
            draft.replace(self._settled)

    def bring_files(self, commit: str, paths: Sequence[str]) -> bool:
        """As `bring`, where the commit or tree has one of these files; those that it has not cost no walk through it."""
        if not self._upstream.partial or commit in self._checked:
            return False
        there = (
            self._git.run("ls-tree", "--full-tree", "--name-only", commit, "--", *paths[start : start + PATHS]).text
            for start in range(0, len(paths), PATHS)
        )
        return any(there) and self.bring([commit])

    def bring(self, names: Sequence[str], history: int = 1) -> bool:
        """Bring what is missing of commits or trees, and of so many commits behind each; whether anything was.

        Raises FetchFailed or RemoteUnavailable where the remote no longer has it.
        """
        if not self._upstream.partial or (history == 1 and all(name in self._checked for name in names)):
            return False
        with locked(self._git.git_dir):
            return self._bring(names, history)

    def _bring(self, names: Sequence[str], history: int) -> bool:
        lacking = self._lacking(names, history)
        if lacking:
            self._upstream.fetch_blobs(lacking)
        self._checked.update(dict.fromkeys(names))
        while len(self._checked) > CHECKED:
            self._checked.pop(next(iter(self._checked)))
        return bool(lacking)

    def _lacking(self, names: Sequence[str], history: int) -> list[str]:
        walked = dict.fromkeys(names)
        for name in names if history > 1 else ():
            walked.update(dict.fromkeys(self._git.run("rev-list", f"--max-count={history}", name).text.split()))
        given = "".join(f"{name}\n" for name in walked).encode()
        options = ("--objects", "--no-object-names", "--no-walk", "--missing=print", "--stdin")
        found = self._git.run("rev-list", *options, given=given, seconds=self._git.settings.transfer_seconds)
        return [line[1:].decode() for line in found.stdout.split(b"\n") if line.startswith(b"?")]
