"""Names in a repository: resolving, listing and changing them by compare-and-swap."""

import re

from forge.errors import Conflict, GitFailed, Invalid, NotFound
from forge.git.run import SHA, Git

ZERO = "0" * 40
HEADS = "refs/heads/"
TAGS = "refs/tags/"
_BAD = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|\.$|^/|^-|\.lock(/|$)|(^|/)\.")
_SHORT = re.compile(r"[0-9a-f]{4,40}")


def is_name(name: str) -> bool:
    """Whether git takes this as a branch or tag name (the rules of check-ref-format)."""
    return bool(name) and name != "@" and len(name) <= 240 and not _BAD.search(name)


def checked(name: str) -> str:
    """The name itself, or Invalid for one that git would refuse."""
    if not is_name(name):
        raise Invalid(f"{name[:100]!r} is not a valid ref name.")
    return name


def objects(git: Git, names: list[str]) -> list[tuple[str, str] | None]:
    """The (sha, type) of each of these object names, or None for those that do not exist."""
    asked = "".join(f"{name}\n" for name in names).encode()
    lines = git.run("cat-file", "--batch-check=%(objectname) %(objecttype)", given=asked).text.splitlines()
    found: list[tuple[str, str] | None] = []
    for line in lines:
        sha, _, kind = line.rpartition(" ")
        found.append((sha, kind) if SHA.fullmatch(sha) else None)
    return found


def tip(git: Git, ref: str) -> str | None:
    """The commit that a full ref name leads to, or None."""
    if not is_name(ref):
        return None
    found = objects(git, [f"{ref}^{{commit}}"])
    return found[0][0] if found and found[0] else None


def commit(git: Git, name: str) -> str:
    """The commit that a branch, tag, sha or unambiguous short sha leads to; else NotFound."""
    if not is_name(name):
        raise NotFound(f"No commit found for SHA: {name[:100]}")
    asked = [f"{HEADS}{name}^{{commit}}", f"{TAGS}{name}^{{commit}}"]
    if name.startswith("refs/") or name == "HEAD":
        asked.insert(0, f"{name}^{{commit}}")
    elif name.startswith(("heads/", "tags/")):
        asked.insert(0, f"refs/{name}^{{commit}}")
    if _SHORT.fullmatch(name):
        asked.insert(0, f"{name}^{{commit}}")
    for found in objects(git, asked):
        if found:
            return found[0]
    raise NotFound(f"No commit found for SHA: {name[:100]}")


def listed(git: Git, prefix: str) -> list[tuple[str, str, str]]:
    """The (name, sha, type) of all refs that begin with a prefix, by name."""
    folder = prefix.rpartition("/")[0] or "refs"
    lines = git.run("for-each-ref", "--format=%(objectname) %(objecttype) %(refname)", folder).text.splitlines()
    rows = [line.split(" ", 2) for line in lines]
    return [(name, sha, kind) for sha, kind, name in rows if name.startswith(prefix)]


def branches(git: Git) -> dict[str, str]:
    """All branches with their tips."""
    return {name.removeprefix(HEADS): sha for name, sha, _ in listed(git, HEADS)}


def swap(git: Git, ref: str, new: str, old: str | None) -> None:
    """Point a ref from `old` (None: any, ZERO: absent) to `new`; Conflict if it moved."""
    checked(ref)
    expected = [] if old is None else [old]
    try:
        git.run("update-ref", "--no-deref", ref, new, *expected)
    except GitFailed as failure:
        if "cannot lock ref" in failure.stderr or "is at" in failure.stderr:
            raise Conflict(f"{ref} was changed by someone else. Fetch it and try again.") from failure
        raise


def remove(git: Git, ref: str, old: str) -> None:
    """Delete a ref that is at `old`; Conflict if it moved."""
    try:
        git.run("update-ref", "--no-deref", "-d", checked(ref), old)
    except GitFailed as failure:
        raise Conflict(f"{ref} was changed by someone else. Fetch it and try again.") from failure


def is_ancestor(git: Git, older: str, newer: str) -> bool:
    """Whether one commit is contained in another's history."""
    return git.run("merge-base", "--is-ancestor", older, newer, accept=(0, 1)).status == 0


def merge_base(git: Git, left: str, right: str) -> str | None:
    """The best common ancestor, or None for unrelated histories."""
    return git.run("merge-base", left, right, accept=(0, 1)).text.split("\n")[0] or None


def between(git: Git, base: str, head: str) -> list[str]:
    """The commits in head and not in base, oldest first."""
    return git.run("rev-list", "--reverse", "--topo-order", f"{base}..{head}").text.split()


def count_between(git: Git, base: str, head: str) -> int:
    """How many commits are in head and not in base."""
    return int(git.run("rev-list", "--count", f"{base}..{head}").text)
