"""The ids of features, tasks and branches: natural keys, so that doing a thing twice finds its own trace."""

from __future__ import annotations

MARK = "<!-- roadcrew:"
"""How every text of ours begins that stands under an issue or pull request."""


def feature_key(issue: int) -> str:
    """Return `F-12` for issue 12."""
    return f"F-{issue}"


def round_folder(task: str, number: int) -> str:
    """Return where the artifact store has what one round of a task left; `task` is its id."""
    return f"tasks/{task}/round-{number}"


FEATURE_BRANCHES = "feature/F-*"
"""All branches that `branch_of` can name, as git writes a pattern."""


def feature_of(repository: str, issue: int) -> str:
    """Return the feature's id, unique across repositories."""
    return f"{repository}/{feature_key(issue)}"


def key_of(identifier: str) -> str:
    """Return the part of an id that people use: `T-1201` of `owner/repo/T-1201`."""
    return identifier.rsplit("/", 1)[-1]


def task_key(issue: int, number: int) -> str:
    """Return `T-1203` for the third task of issue 12."""
    return f"T-{issue}{number:02d}"


def branch_of(issue: int) -> str:
    """Return the feature branch's name."""
    return f"feature/{feature_key(issue)}"


def marker(kind: str, key: str) -> str:
    """Return the hidden marker by which a comment of ours is found again."""
    return f"{MARK}{kind}:{key} -->"
