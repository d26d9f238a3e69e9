"""Git bundles: commits as bytes, to carry a snapshot from one machine's mirror to another's."""

import re
import tempfile
from pathlib import Path

from tools.errors import GitBroken, ObjectMissing
from tools.gitobjects import missing
from tools.gitrun import Git

_HEADER = b"# v2 git bundle\n"
_PREREQUISITE = re.compile(rb"-([0-9a-f]{40})(?: .*)?")
_HEAD = re.compile(rb"([0-9a-f]{40}) (refs/.+)")


def make_bundle(git: Git, base: str | None, commit: str) -> bytes:
    """The commits of `commit` that are not in `base` (all, for None), with their files."""
    ref = f"refs/roadcrew/bundles/{commit}"
    hidden = [f"^{base}"] if base else []
    git.run("update-ref", ref, commit)  # a bundle names refs only; concurrent bundles write the same one
    with tempfile.TemporaryDirectory(prefix="roadcrew-bundle-") as folder:
        file = Path(folder) / "bundle"
        threads = ("-c", "pack.threads=1")  # the same commits then give the same bytes
        git.run(*threads, "bundle", "create", "--version=2", "--quiet", str(file), ref, *hidden)
        return file.read_bytes()


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
