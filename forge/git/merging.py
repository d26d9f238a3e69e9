"""Merges without a work tree, by `git merge-tree`."""

from collections.abc import Mapping

from forge.errors import NotMergeable
from forge.git import objects, refs
from forge.git.run import Git


def merged_tree(git: Git, ours: str, theirs: str) -> str | None:
    """The tree of the merge of two commits, or None when they conflict or share no history."""
    if refs.merge_base(git, ours, theirs) is None:
        return None
    done = git.run("merge-tree", "--write-tree", "--no-messages", ours, theirs, accept=(0, 1))
    return done.text.split("\n")[0] if done.status == 0 else None


def _picked_tree(git: Git, onto: str, commit: objects.CommitObject) -> str | None:
    """The tree of one commit's change applied on another.

    merge-tree takes its base from history alone before git 2.40, so a little history is made whose common
    ancestor is the commit's parent.
    """
    people = objects.identity("forge", "forge@localhost", at="1970-01-01T00:00:00Z")
    parent = commit.parents[0] if commit.parents else None
    base_tree = f"{parent}^{{tree}}" if parent else git.run("mktree", given=b"").text
    base = objects.write_commit(git, base_tree, [], "base", people)
    ours = objects.write_commit(git, f"{onto}^{{tree}}", [base], "ours", people)
    theirs = objects.write_commit(git, commit.tree, [base], "theirs", people)
    return merged_tree(git, ours, theirs)


def rebased(git: Git, base: str, head: str, committer: Mapping[str, str]) -> str:
    """Replay head's own commits on base and return the new tip; NotMergeable on a conflict."""
    tip = base
    for commit in objects.commits(git, refs.between(git, base, head)):
        if len(commit.parents) > 1:
            continue
        tree = _picked_tree(git, tip, commit)
        if tree is None:
            raise NotMergeable("This branch can't be rebased due to conflicts")
        author = commit.author
        people = {**objects.identity(author.name, author.email, at=author.date, role="AUTHOR"), **committer}
        tip = objects.write_commit(git, tree, [tip], commit.message, people)
    return tip
