"""Bundles put together without git, as git on another host reads them."""

import subprocess
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tools.repositories import committed, new_remote, seeded
from tools.folder_memory import FolderMemory
from tools.git import Mirror
from tools.gitobjects import EXECUTABLE, LINK, REGULAR, SUBMODULE, blob_sha
from tools.loose_objects import write_object
from tools.small_packs import BYTES, OBJECTS, small_pack

FILES = {"a": "1", "d/b": "2", "d/e/c": "3", "x/y/z": "4"}
PATHS = st.sampled_from(["a", "d", "d/b", "d/e", "d/e/c", "x/y/z", "x/y", "new/n", "new"])
CONTENTS = st.tuples(st.sampled_from([REGULAR, EXECUTABLE, LINK, SUBMODULE]), st.sampled_from([b"1", b"2", b"other"]))
STEPS = st.lists(st.dictionaries(PATHS, st.none() | CONTENTS, min_size=1, max_size=3), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, from_start=st.booleans())
def test_a_host_that_has_the_base_gets_all_of_any_snapshot(
    steps: list[dict[str, tuple[str, bytes] | None]], from_start: bool
) -> None:
    with tempfile.TemporaryDirectory(prefix="rc-") as name:
        here = Mirror(Path(name) / "here", str(new_remote(Path(name) / "remote.git")))
        base = committed(here, seeded(here), FILES)
        here.push("main", base, here.head("main"))
        start = committed(here, base, {"a": "started", "d/b": None}) if from_start else None
        memory = FolderMemory(here.git, base, start)
        for step in steps:
            memory.apply({path: new and (new[0], _stored(here, *new)) for path, new in _consistent(step).items()})
        commit = here.commit_progress(memory.apply({}), here.commit(base))
        if commit == base:
            return
        new = memory.new_objects()
        assert new is not None
        assert small_pack(here.folder, [commit, *new]) is not None
        data = here.bundle(base, commit, new)
        there = Mirror(Path(name) / "there", here.url)
        there.fetch()
        assert there.unbundle(data) == commit
        subprocess.run(
            ["git", "-C", there.folder, "rev-list", "--objects", commit], check=True, capture_output=True
        )  # fails for whatever is not there


def _consistent(step: dict[str, tuple[str, bytes] | None]) -> dict[str, tuple[str, bytes] | None]:
    """The step without what lies below another path that it sets."""
    return {p: new for p, new in step.items() if not any(p.startswith(f"{q}/") and step[q] for q in step)}


def _stored(mirror: Mirror, mode: str, content: bytes) -> str:
    return blob_sha(content) if mode == SUBMODULE else write_object(mirror.folder, "blob", content)


def test_small_packs_are_git_packs_and_the_same_each_time(mirror: Mirror, tmp_path: Path) -> None:
    contents = [b"", b"x", b"y" * 15, b"z" * 16, b"w" * 3000]  # sizes of one, two and three bytes
    shas = [write_object(mirror.folder, "blob", content) for content in contents]
    pack = small_pack(mirror.folder, shas)
    assert pack is not None
    assert pack == small_pack(mirror.folder, reversed(shas))
    other = new_remote(tmp_path / "other.git")
    subprocess.run(["git", "-C", other, "unpack-objects", "-q", "--strict"], input=pack, check=True)
    for sha, content in zip(shas, contents, strict=True):
        found = subprocess.run(["git", "-C", other, "cat-file", "blob", sha], check=True, capture_output=True)
        assert found.stdout == content


def test_what_is_large_many_or_packed_is_left_to_git(mirror: Mirror, first: str) -> None:
    noise = bytes(number * number % 251 for number in range(BYTES))
    large = write_object(
        mirror.folder, "blob", b"".join(blob_sha(bytes([n % 256, n // 256])).encode() for n in range(4000))
    )
    swollen = write_object(mirror.folder, "blob", bytes(8 * 1024 * 1024))
    small = write_object(mirror.folder, "blob", noise[:100])
    assert small_pack(mirror.folder, [small]) is not None
    assert small_pack(mirror.folder, [small, large]) is None
    assert small_pack(mirror.folder, [small, swollen]) is None
    assert small_pack(mirror.folder, [small, "1" * 40]) is None
    many = [write_object(mirror.folder, "blob", b"%d" % number) for number in range(OBJECTS + 1)]
    assert small_pack(mirror.folder, many) is None
    base = committed(mirror, first, {"a": "1"})
    data = mirror.bundle(first, base, {mirror.tree_of(base), large, "1" * 40})
    assert mirror.unbundle(data) == base
