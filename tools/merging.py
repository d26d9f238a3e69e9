"""Merges without a work tree, by `git merge-tree`."""

from tools.errors import GitBroken
from tools.gitrun import Git
from tools.record import Record


class MergeConflict(Record):
    """One thing that stands in the way of a merge."""

    path: str
    message: str


class MergeResult(Record):
    """What a merge of two commits gives."""

    tree: str
    """The merged tree; with conflicts, one whose files hold conflict markers."""
    details: tuple[MergeConflict, ...] = ()

    @property
    def conflicts(self) -> tuple[str, ...]:
        """The paths that are in conflict."""
        return tuple(conflict.path for conflict in self.details)

    @property
    def clean(self) -> bool:
        """Whether there is no conflict."""
        return not self.details

    @property
    def verdict(self) -> str:
        """The result in one line."""
        if self.clean:
            return "merge: clean"
        return f"merge: conflicts in {', '.join(self.conflicts[:10])}"


def merge_trees(git: Git, ours: str, theirs: str) -> MergeResult:
    """Merge two commits that the repository has; raises GitBroken for unrelated histories."""
    if git.run("merge-base", ours, theirs, accept=(0, 1)).status == 1:
        raise GitBroken(f"{ours} and {theirs} share no history", "build on a commit of this repository")
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
    return MergeResult(tree=fields[0], details=tuple(conflicts))


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
