"""Questions to the history of a repository: what contains what, which commits lie between, which one has a trailer."""

from collections.abc import Iterator

from tools.gitobjects import missing, read_commit
from tools.gitrun import Git


def is_ancestor(git: Git, older: str, newer: str) -> bool:
    """Whether `newer` contains `older`; a commit that the repository lacks is contained in nothing."""
    if missing(git, [older]):
        return False
    return git.run("merge-base", "--is-ancestor", older, newer, accept=(0, 1)).status == 0


def merge_base(git: Git, left: str, right: str) -> str | None:
    """The best common ancestor, or None for unrelated histories."""
    return git.run("merge-base", left, right, accept=(0, 1)).text.split("\n")[0] or None


def merged_commits(git: Git, ours: str, theirs: str) -> Iterator[str]:
    """The three commits that a merge looks at; git is asked when the last one is wanted."""
    yield ours
    yield theirs
    base = merge_base(git, ours, theirs)
    if base is not None:
        yield base


def commits_between(git: Git, since: str | None, tip: str, limit: int | None = None) -> list[str]:
    """The commits of `tip` that are not in `since`, newest first."""
    options = ("--topo-order", *([f"--max-count={limit}"] if limit else []))
    return git.run("rev-list", *options, tip, *([f"^{since}"] if since else [])).text.split()


def commits_around(git: Git, since: str | None, tip: str) -> Iterator[str]:
    """As `commits_between`, and `since`; git is asked when the first one is wanted."""
    yield from commits_between(git, since, tip)
    if since is not None:
        yield since


def commit_with_trailer(git: Git, tip: str, key: str, value: str, since: str | None = None) -> str | None:
    """The newest commit of `tip`, and not in `since`, whose message has the trailer `key: value`, or None."""
    hidden = [f"^{since}"] if since else []
    grep = ("--fixed-strings", f"--grep={key}: {value}")
    for sha in git.run("rev-list", "--topo-order", *grep, tip, *hidden).text.split():
        if value in read_commit(git, sha).trailers.get(key, ()):
            return sha
    return None
