"""Merges without a work tree, by `git merge-tree`."""

from tools.errors import GitBroken
from tools.gitrun import Git
from tools.record import Record


class MergeConflict(Record):
    """One thing that stands in the way of a merge."""

    path: str
    """Empty when it concerns the whole merge."""
    message: str


class MergeResult(Record):
    """What a merge of two commits gives."""

    tree: str | None
    """The merged tree; with conflicts, one whose files hold conflict markers; None for unrelated histories."""
    conflicts: tuple[MergeConflict, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether there is no conflict."""
        return not self.conflicts

    @property
    def verdict(self) -> str:
        """The result in one line."""
        if self.clean:
            return "merge: clean"
        paths = sorted({conflict.path for conflict in self.conflicts if conflict.path})
        return f"merge: {len(self.conflicts)} conflict(s) in {', '.join(paths[:10]) or 'the history'}"


def merge_trees(git: Git, ours: str, theirs: str) -> MergeResult:
    """Merge two commits that the repository has."""
    if git.run("merge-base", ours, theirs, accept=(0, 1)).status == 1:
        return MergeResult(tree=None, conflicts=(MergeConflict(path="", message="the histories are unrelated"),))
    options = ("--write-tree", "-z", "--messages", "--name-only")
    output = git.run("merge-tree", *options, ours, theirs, accept=(0, 1))
    fields = output.stdout.decode("utf-8", "backslashreplace").split("\0")
    if output.status == 0:
        return MergeResult(tree=fields[0].strip())
    end = fields.index("", 1)
    paths, messages = fields[1:end], _messages(fields[end + 1 :])
    conflicts = [MergeConflict(path=path, message=_about(path, messages)) for path in dict.fromkeys(paths)]
    if not conflicts:
        raise GitBroken(f"git merge-tree of {ours} and {theirs} reports a conflict and names no file")
    return MergeResult(tree=fields[0], conflicts=tuple(conflicts))


def _messages(fields: list[str]) -> list[tuple[tuple[str, ...], str]]:
    """Read records of: number of paths, the paths, the kind, the message."""
    found: list[tuple[tuple[str, ...], str]] = []
    position = 0
    while position < len(fields) and fields[position].isdigit():
        count = int(fields[position])
        paths = tuple(fields[position + 1 : position + 1 + count])
        kind, message = fields[position + 1 + count : position + 3 + count]
        if kind != "Auto-merging":
            found.append((paths, message.strip()))
        position += 3 + count
    return found


def _about(path: str, messages: list[tuple[tuple[str, ...], str]]) -> str:
    lines = [message for paths, message in messages if path in paths]
    return "; ".join(lines) or "both sides changed it"
