"""Loose objects written here, as real git reads them."""

import errno
import os
import shutil
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.errors import GitBroken
from tools.git import Mirror
from tools.gitobjects import ROADCREW, read_commit, read_objects, write_commit
from tools.loose_objects import write_object, write_own_commit


def git(mirror: Mirror, *arguments: str) -> str:
    """What git of its own says, without our wrapper."""
    command = ["git", "-C", str(mirror.folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.lists(st.binary(max_size=2000), max_size=5))
def test_git_reads_what_was_written_under_its_own_name(mirror: Mirror, contents: list[bytes]) -> None:
    shas = [write_object(mirror.folder, "blob", content) for content in contents]
    assert read_objects(mirror.git, shas) == [
        (sha, "blob", content) for sha, content in zip(shas, contents, strict=True)
    ]
    git(mirror, "fsck", "--strict", "--no-dangling")


def test_a_commit_is_the_one_that_git_writes(mirror: Mirror, first: str) -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    tree = mirror.tree_of(first)
    ident = f"{ROADCREW.name} <{ROADCREW.email}>"
    own = write_own_commit(mirror.folder, tree, [first], "Work in progress", ident, at)
    assert own == write_commit(mirror.git, tree, [first], "Work in progress", at=at)
    base = read_commit(mirror.git, first)
    assert mirror.commit_progress(tree, base) == first
    git(mirror, "fsck", "--strict")


def test_an_object_that_is_asked_for_again_is_young_again_and_not_pruned(mirror: Mirror) -> None:
    kept, lost = write_object(mirror.folder, "blob", b"kept"), write_object(mirror.folder, "blob", b"lost")
    for sha in (kept, lost):
        os.utime(mirror.folder / "objects" / sha[:2] / sha[2:], (1, 1))
    assert write_object(mirror.folder, "blob", b"kept") == kept
    git(mirror, "prune", "--expire=1.hour.ago")
    assert [found is not None for found in read_objects(mirror.git, [kept, lost])] == [True, False]


def test_many_writers_beside_a_git_that_prunes_lose_nothing(mirror: Mirror) -> None:
    contents = [b"%d" % number for number in range(300)]
    stop = threading.Event()

    def tidy() -> None:
        while not stop.is_set():  # removes folders that hold nothing, as soon as they hold nothing
            for name in [f"{number:02x}" for number in range(256)]:
                with_folder = mirror.folder / "objects" / name
                try:
                    with_folder.rmdir()
                except OSError as error:
                    assert error.errno in {errno.ENOENT, errno.ENOTEMPTY}  # noqa: PT017 - anything else is a defect
            git(mirror, "prune", "--expire=1.hour.ago")

    writers = [
        threading.Thread(target=lambda: [write_object(mirror.folder, "blob", one) for one in contents])
        for _ in range(3)
    ]
    tidier = threading.Thread(target=tidy)
    for thread in (tidier, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    tidier.join()
    shas = [write_object(mirror.folder, "blob", one) for one in contents]
    assert [item and item[2] for item in read_objects(mirror.git, shas)] == contents
    assert not list((mirror.folder / "objects").rglob("tmp_obj_*"))


def test_a_store_that_cannot_be_written_to_says_so(mirror: Mirror) -> None:
    objects = mirror.folder / "objects"
    shutil.rmtree(objects)
    objects.write_text("a file in its place")
    with pytest.raises(GitBroken, match="cannot store a blob in .*: Not a directory"):
        write_object(mirror.folder, "blob", b"x")


def test_a_full_disk_leaves_no_half_object_and_a_hint(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount")
    try:
        (small / "objects").mkdir()
        with pytest.raises(GitBroken, match="No space left") as caught:
            write_object(small, "blob", os.urandom(200_000))
        assert "free space" in caught.value.hint
        assert not [file for file in (small / "objects").rglob("*") if file.is_file()]
    finally:
        subprocess.run(["umount", small], check=True)
