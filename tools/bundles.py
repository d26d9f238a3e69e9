"""Git bundles: commits as bytes, to carry a snapshot from one machine's mirror to another's."""

import re
from collections.abc import Iterable

from tools.errors import GitBroken, ObjectMissing
from tools.gitobjects import missing
from tools.gitrun import Git
from tools.small_packs import small_pack

_REF = "refs/roadcrew/bundles/"
"""A bundle names refs only; the mirrors have no such ref."""
_HEADER = b"# v2 git bundle\n"
_PREREQUISITE = re.compile(rb"-([0-9a-f]{40})(?: .*)?")
_HEAD = re.compile(rb"([0-9a-f]{40}) (refs/.+)")


def make_bundle(git: Git, base: str | None, commit: str) -> bytes:
    """The commits of `commit` that are not in `base` (all, for None), with their files; raises ObjectMissing."""
    given = f"{commit}\n^{base}\n" if base else f"{commit}\n"
    threads = ("-c", "pack.threads=1")  # the same commits then give the same bytes
    options = ("--revs", "--thin", "--stdout", "--delta-base-offset", "--quiet")
    try:
        pack = git.run(*threads, "pack-objects", *options, given=given.encode()).stdout
    except GitBroken:
        lacking = missing(git, [sha for sha in (base, commit) if sha])
        if lacking:
            names = ", ".join(sorted(lacking))
            raise ObjectMissing(f"{git.git_dir} has no object {names}", "fetch the repository again") from None
        raise
    return _framed(base, commit, pack)


def make_small_bundle(git: Git, base: str, commit: str, shas: Iterable[str]) -> bytes | None:
    """A bundle of a commit and these further objects, without a git process; None where it would not be small.

    The caller knows that whoever has `base` lacks no other object of `commit`.
    """
    pack = small_pack(git.git_dir, [commit, *shas])
    return None if pack is None else _framed(base, commit, pack)


def _framed(base: str | None, commit: str, pack: bytes) -> bytes:
    needed = f"-{base}\n" if base else ""
    return _HEADER + f"{needed}{commit} {_REF}{commit}\n\n".encode() + pack


def read_bundle(git: Git, data: bytes) -> str:
    """Check a bundle's objects, store them and return its commit; raises ObjectMissing and GitBroken."""
    header, end, pack = data.partition(b"\n\n")
    if not data.startswith(_HEADER) or not end:
        raise GitBroken(f"these {len(data)} bytes are no git bundle: they begin with {data[:20]!r}")
    lines = header.removeprefix(_HEADER).split(b"\n")
    needed = [match[1].decode() for line in lines if (match := _PREREQUISITE.fullmatch(line))]
    heads = [match[1].decode() for line in lines if (match := _HEAD.fullmatch(line))]
    if len(heads) != 1 or len(needed) + len(heads) != len(lines):
        raise GitBroken(f"the bundle's header is not one of ours: {header[:300]!r}")
    lacking = missing(git, needed) if needed else set()
    if lacking:
        raise ObjectMissing(
            f"the bundle builds on {', '.join(sorted(lacking))}, which {git.git_dir} does not have",
            "fetch the repository first",
        )
    git.run("index-pack", "--stdin", "--fix-thin", "--strict", given=pack)
    if missing(git, heads):
        raise GitBroken(f"the bundle does not hold its own commit {heads[0]}")
    return heads[0]
