"""A folder of which a memory is kept: what nobody touched is not read again, and the tree is always the right one."""

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.tools.repositories import committed, names, new_remote, opened, seeded
from tools.errors import TreeTooBig
from tools.folder_memory import MOMENT_NS, FolderMemory
from tools.git import Mirror
from tools.gitobjects import REGULAR, blob_sha
from tools.snapshot import SnapshotLimits, take_tree


def memory_of(mirror: Mirror, base: str, folder: Path, start: str | None = None) -> FolderMemory:
    """A memory of a folder that was just laid out."""
    memory = FolderMemory(mirror.git, base, start)
    memory.prime(folder)
    return memory


def test_files_that_nobody_touched_are_not_read_again(mirror: Mirror, first: str, tmp_path: Path) -> None:
    commit = committed(mirror, first, {"d/a": "1\n", "b": "2\n"})
    clone = opened(mirror, commit, tmp_path / "clone")
    settle()
    memory = memory_of(mirror, commit, clone)
    before = (clone / "b").stat()
    assert take_tree(mirror.git, clone, commit, memory=memory).tree == mirror.tree_of(commit)
    # a file whose inode and change time are as remembered is taken for unchanged, whatever it holds
    memory.entries["b"] = (REGULAR, blob_sha(b"not read\n"))
    assert take_tree(mirror.git, clone, commit, memory=memory).tree == mirror.tree_of(commit)
    (clone / "b").write_text("3\n")
    os.utime(clone / "b", ns=(before.st_atime_ns, before.st_mtime_ns))
    found = take_tree(mirror.git, clone, commit, memory=memory).tree
    assert mirror.read(found, "b") == b"3\n"


def test_a_file_written_while_it_was_looked_at_is_looked_at_again(mirror: Mirror, first: str, tmp_path: Path) -> None:
    commit = committed(mirror, first, {"a": "1\n"})
    clone = opened(mirror, commit, tmp_path / "clone")
    memory = memory_of(mirror, commit, clone)
    for number in range(30):  # far less than a tick of the file system's clock apart
        (clone / "a").write_text(f"{number % 10}\n")
        assert mirror.read(take_tree(mirror.git, clone, commit, memory=memory).tree, "a") == b"%d\n" % (number % 10)


def test_rules_that_change_are_asked_again(mirror: Mirror, first: str, tmp_path: Path) -> None:
    commit = committed(mirror, first, {"a": "1\n", "kept.log": "in the base\n"})
    clone = opened(mirror, commit, tmp_path / "clone")
    memory = memory_of(mirror, commit, clone)

    def found() -> list[str]:
        taken = take_tree(mirror.git, clone, commit, memory=memory).tree
        assert taken == take_tree(mirror.git, clone, commit).tree
        return sorted(names(mirror, taken))

    (clone / "deep" / "er").mkdir(parents=True)
    (clone / "deep" / "er" / "x.log").write_text("x")
    assert found() == ["a", "deep/er/x.log", "kept.log"]
    (clone / ".gitignore").write_text("*.log\n")
    assert found() == [".gitignore", "a", "kept.log"]
    (clone / "deep" / ".gitignore").write_text("!x.log\n")
    assert found() == [".gitignore", "a", "deep/.gitignore", "deep/er/x.log", "kept.log"]
    (clone / ".gitignore").unlink()
    (clone / "deep" / ".gitignore").write_text("er/\n")
    assert found() == ["a", "deep/.gitignore", "kept.log"]


def test_a_snapshot_that_was_too_big_leaves_no_trace(mirror: Mirror, first: str, tmp_path: Path) -> None:
    clone = opened(mirror, first, tmp_path / "clone")
    memory = memory_of(mirror, first, clone)
    for number in range(5):
        (clone / f"f{number}").write_text("x" * 100)
    with pytest.raises(TreeTooBig):
        take_tree(mirror.git, clone, first, SnapshotLimits(new_files=4), memory=memory)
    (clone / "f0").unlink()
    found = take_tree(mirror.git, clone, first, SnapshotLimits(new_files=4), memory=memory)
    assert sorted(names(mirror, found.tree)) == ["f1", "f2", "f3", "f4"]
    (clone / "f5").write_text("x")
    with pytest.raises(TreeTooBig):
        take_tree(mirror.git, clone, first, SnapshotLimits(new_files=4), memory=memory)


def test_a_primed_folder_of_another_tree_gives_that_tree(mirror: Mirror, first: str, tmp_path: Path) -> None:
    base = committed(mirror, first, {"a": "1\n", "gone": "x\n"})
    later = committed(mirror, base, {"a": "2\n", "gone": None, "new/b": "3\n"})
    mirror.clone_into(tmp_path / "clone", base, files_of=later)
    memory = memory_of(mirror, base, tmp_path / "clone", later)
    assert take_tree(mirror.git, tmp_path / "clone", base, memory=memory).tree == mirror.tree_of(later)
    (tmp_path / "clone" / "new" / "b").unlink()
    assert sorted(names(mirror, take_tree(mirror.git, tmp_path / "clone", base, memory=memory).tree)) == ["a"]


class SnapshotsWithMemory(RuleBasedStateMachine):
    """Whatever happens to a folder, a snapshot with a memory is the one that reads every file."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        root = Path(self.place.name)
        self.mirror = Mirror(root / "mirror", str(new_remote(root / "remote.git")))
        rules = {".gitignore": "*.log\nout/\n", "d/.gitignore": "!keep.log\n"}
        self.base = committed(self.mirror, seeded(self.mirror), {**rules, "a": "1", "d/b": "2", "e/f/g": "3"})
        self.folder = opened(self.mirror, self.base, root / "work")
        self.memory = FolderMemory(self.mirror.git, self.base)
        self.memory.prime(self.folder)

    paths = st.sampled_from(["a", "d/b", "d/keep.log", "x.log", "e/f/g", "e/f", "out/x", "d", "new/h", ".gitignore"])

    @rule(path=paths, content=st.sampled_from(["1", "2", "*.tmp\n", "b\n"]), executable=st.booleans())
    def write(self, path: str, content: str, executable: bool) -> None:
        file = self.folder / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            return
        file.chmod(0o755 if executable else 0o644)

    @rule(path=paths)
    def remove(self, path: str) -> None:
        file = self.folder / path
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        elif file.parent.is_dir():
            file.unlink(missing_ok=True)

    @rule(source=paths, end=paths)
    def rename(self, source: str, end: str) -> None:
        with suppress(OSError):
            (self.folder / source).rename(self.folder / end)

    @rule(path=paths, to=st.sampled_from(["a", "/etc", "d"]))
    def link(self, path: str, to: str) -> None:
        with suppress(OSError):
            (self.folder / path).symlink_to(to)

    @rule()
    def snapshots_agree(self) -> None:
        known = take_tree(self.mirror.git, self.folder, self.base, memory=self.memory)
        assert known == take_tree(self.mirror.git, self.folder, self.base)

    def teardown(self) -> None:
        self.snapshots_agree()
        self.place.cleanup()


TestSnapshotsWithMemory = SnapshotsWithMemory.TestCase
TestSnapshotsWithMemory.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)


def settle() -> None:
    """Wait until files that were just written count as old."""
    time.sleep(2 * MOMENT_NS / 1e9)
