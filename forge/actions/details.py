"""What git knows of a pull request: its commits, its changes, whether it can be merged."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from forge.actions import protection
from forge.git import diff, objects, refs
from forge.git import merging as git_merging
from forge.git.run import Git
from forge.host import Act
from forge.records import Figures, Issue, Protection, Pull
from forge.shapes.commits import combined_state
from forge.shapes.pulls import PullDetails
from forge.store import pulls, repositories


@lru_cache(maxsize=1024)
def _merges_cleanly(program: str, folder: str, base: str, head: str) -> bool:
    return git_merging.merged_tree(Git(program, Path(folder)), base, head) is not None


def merges_cleanly(act: Act, pull: Pull) -> bool:
    """Whether head merges into base without a conflict; remembered per pair of commits."""
    git = act.git
    return _merges_cleanly(git.program, str(git.folder), pull.base_sha, pull.head_sha)


def fork_point(act: Act, pull: Pull) -> str:
    """Where the pull request's changes begin."""
    return refs.merge_base(act.git, pull.base_sha, pull.head_sha) or pull.base_sha


def files(act: Act, pull: Pull) -> list[diff.FileChange]:
    """What the pull request changes."""
    return diff.changes(act.git, fork_point(act, pull), pull.head_sha)


def commits(act: Act, pull: Pull) -> list[objects.CommitObject]:
    """The pull request's own commits, oldest first."""
    return objects.commits(act.git, refs.between(act.git, pull.base_sha, pull.head_sha))


def measured(act: Act, base: str, head: str) -> Figures:
    """How much a pull request between two commits changes; not to be asked for inside a transaction."""
    fork = refs.merge_base(act.git, base, head) or base
    changes = diff.changes(act.git, fork, head, patches=False)
    return Figures(
        commits=refs.count_between(act.git, base, head),
        changed_files=len(changes),
        additions=sum(each.additions for each in changes),
        deletions=sum(each.deletions for each in changes),
    )


def move(act: Act, pull: Pull, **ends: str) -> Pull:
    """Record where a pull request begins or ends now.

    git is asked for the figures before the transaction. They are written with the ends that they are of, so nobody,
    and no crash in between, ever leaves the one without the other.
    """
    while True:
        figures = measured(act, ends.get("base_sha", pull.base_sha), ends.get("head_sha", pull.head_sha))
        with act.host.db.write() as db:
            moved = pulls.move(db, pull, figures, **ends)
            pull = moved or pulls.by_key(db, pull.issue_id)
        if moved is not None:
            return moved


def known(act: Act, pull: Pull) -> Pull:
    """The pull request with its figures, which the row of an older forge lacks."""
    return pull if pull.figures else move(act, pull)


def details(act: Act, issue: Issue, pull: Pull) -> PullDetails:
    """Everything about a pull request that git has to be asked for."""
    mergeable, state = mergeability(act, issue, pull)
    figures = pull.figures or measured(act, pull.base_sha, pull.head_sha)
    return PullDetails(mergeable=mergeable, mergeable_state=state, figures=figures)


def counted(act: Act, pull: Pull) -> PullDetails:
    """The figures alone, as events carry them: whether it can be merged is left open there."""
    figures = pull.figures or measured(act, pull.base_sha, pull.head_sha)
    return PullDetails(mergeable=None, mergeable_state="unknown", figures=figures)


def mergeability(act: Act, issue: Issue, pull: Pull) -> tuple[bool | None, str]:
    """GitHub's `mergeable` and `mergeable_state`."""
    if issue.state == "closed":
        return None, "unknown"
    if not merges_cleanly(act, pull):
        return False, "dirty"
    if pull.draft:
        return True, "draft"
    with act.host.db.read() as db:
        rules = repositories.protection(db, act.repo, pull.base_ref)
        states = [each.state for each in pulls.latest_statuses(db, act.repo, pull.head_sha).items]
    if rules:
        return True, _protected_state(act, pull, rules, states)
    return True, "unstable" if states and combined_state(states) != "success" else "clean"


def _protected_state(act: Act, pull: Pull, rules: Protection, states: Sequence[str]) -> str:
    if protection.is_behind(act, pull, rules):
        return "behind"
    if protection.problems(act, pull, rules):
        return "blocked"
    return "unstable" if states and combined_state(states) != "success" else "clean"
