"""From an untrusted folder to a tree, and back into a clone; nothing of the folder acts on the host."""

import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.tools.repositories import AT, committed, new_remote, seeded
from tools.errors import GitBroken, TreeTooBig
from tools.folder_memory import MOMENT_NS, FolderMemory
from tools.git import Mirror
from tools.gitobjects import EXECUTABLE, LINK, REGULAR, SUBMODULE, blob_sha, edit_tree, write_blobs
from tools.snapshot import SnapshotLimits, take_tree
from tools.upstream import HISTORY


def opened(mirror: Mirror, commit: str, folder: Path) -> Path:
    mirror.clone_into(folder, commit)
    return folder


def names(mirror: Mirror, tree: str) -> dict[str, str]:
    return {entry.path: entry.mode for entry in mirror.files(tree)}


def test_an_untouched_clone_gives_its_own_tree_whatever_attributes_say(
    mirror: Mirror, first: str, tmp_path: Path
) -> None:
    attributes = "* text=auto eol=crlf ident\n*.secret filter=lfs\n"
    commit = committed(mirror, first, {".gitattributes": attributes, "a.txt": "$Id$\n1\r\n", "b.secret": "x\n"})
    clone = opened(mirror, commit, tmp_path / "clone")
    assert (clone / "a.txt").read_bytes() == b"$Id$\n1\r\n"
    assert take_tree(mirror.git, clone, commit).tree == mirror.tree_of(commit)


def test_a_clone_is_of_its_own_and_knows_no_remote(mirror: Mirror, first: str, tmp_path: Path) -> None:
    commit = committed(mirror, first, {"a": "1"})
    mirror.git.run("tag", "v1", first)
    mirror.git.run("tag", "later", committed(mirror, commit, {"a": "2"}))
    clone = opened(mirror, commit, tmp_path / "clone")
    config = (clone / ".git" / "config").read_text()
    assert str(mirror.folder) not in config
    assert mirror.url not in config
    assert not (clone / ".git" / "objects" / "info" / "alternates").exists()
    assert not list((clone / ".git").glob("hooks/*"))
    assert all(file.stat().st_nlink == 1 for file in (clone / ".git").rglob("*") if file.is_file())
    shown = subprocess.run(["git", "-C", clone, "status", "--short", "--branch"], capture_output=True, check=True)
    assert shown.stdout == b"## work\n"
    tags = subprocess.run(["git", "-C", clone, "tag"], capture_output=True, check=True)
    assert tags.stdout == b"v1\n"


def test_files_of_another_tree_stand_in_a_clone_as_changes(mirror: Mirror, first: str, tmp_path: Path) -> None:
    commit = committed(mirror, first, {"a": "1"})
    later = committed(mirror, commit, {"a": "2", "b": "new"})
    mirror.clone_into(tmp_path / "clone", commit, files_of=later)
    shown = subprocess.run(["git", "-C", tmp_path / "clone", "status", "--short"], capture_output=True, check=True)
    assert shown.stdout == b" M a\n?? b\n"


def test_a_clone_needs_an_empty_folder(mirror: Mirror, first: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(GitBroken, match="not empty"):
        mirror.clone_into(tmp_path, first)


def test_the_lock_that_cargo_makes_is_taken_only_where_the_base_keeps_one(
    mirror: Mirror, first: str, tmp_path: Path
) -> None:
    files = {"a/Cargo.toml": "", "b/Cargo.toml": "", "b/Cargo.lock": "old"}
    commit = committed(mirror, first, dict(files))
    clone = opened(mirror, commit, tmp_path / "clone")
    for folder in ("a", "b", "new"):
        (clone / folder).mkdir(exist_ok=True)
        (clone / folder / "Cargo.lock").write_text("made")
    found = names(mirror, take_tree(mirror.git, clone, commit).tree)
    assert sorted(found) == sorted([*files, "new/Cargo.lock"])


def test_changes_are_taken_and_ignored_names_are_not(mirror: Mirror, first: str, tmp_path: Path) -> None:
    rules = {".gitignore": "build/\n*.pyc\n", "kept.pyc": "in the base", "sub/.gitignore": "!wanted.pyc\nnot-this\n"}
    commit = committed(mirror, first, {**rules, "gone": "x", "folder/file": "x"})
    clone = opened(mirror, commit, tmp_path / "clone")
    (clone / "gone").unlink()
    (clone / "folder" / "file").unlink()
    (clone / "folder").rmdir()
    (clone / "folder").write_text("a file now")
    (clone / "build").mkdir()
    for name in ("build/x", "a.pyc", "kept.pyc", "sub/wanted.pyc", "sub/not-this", "run.sh"):
        (clone / name).write_text("new")
    (clone / "run.sh").chmod(0o755)
    found = names(mirror, take_tree(mirror.git, clone, commit).tree)
    expected = [".gitignore", "folder", "kept.pyc", "run.sh", "sub/.gitignore", "sub/wanted.pyc"]
    assert sorted(found) == expected
    assert found["run.sh"] == EXECUTABLE


def test_what_tools_leave_behind_is_no_work_unless_the_repository_says_so(
    mirror: Mirror, first: str, tmp_path: Path
) -> None:
    commit = committed(mirror, first, {".gitignore": "!.coverage\n"})
    clone = opened(mirror, commit, tmp_path / "clone")
    for name in ("__pycache__/a.pyc", "d/__pycache__/b.pyc", "node_modules/x/y.js", ".coverage", "d/app.py"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("x")
    found = names(mirror, take_tree(mirror.git, clone, commit).tree)
    assert sorted(found) == [".coverage", ".gitignore", "d/app.py"]


def test_nothing_of_a_hostile_folder_runs_on_the_host(mirror: Mirror, first: str, tmp_path: Path) -> None:
    commit = committed(mirror, first, {".gitattributes": "* filter=evil diff=evil merge=evil\n", "a": "1"})
    clone, flag = opened(mirror, commit, tmp_path / "clone"), tmp_path / "ran"
    nested = clone / "nested"
    subprocess.run(["git", "init", "--quiet", nested], check=True)
    trap = f"touch {flag}; cat"
    for repository in (clone, nested):
        for key in ("core.fsmonitor", "core.hooksPath", "filter.evil.clean", "filter.evil.smudge", "core.pager"):
            subprocess.run(["git", "-C", repository, "config", key, trap], check=True)
        for hook in ("pre-commit", "post-index-change", "reference-transaction", "post-checkout"):
            (repository / ".git" / "hooks").mkdir(exist_ok=True)
            script = repository / ".git" / "hooks" / hook
            script.write_text(f"#!/bin/sh\ntouch {flag}\n")
            script.chmod(0o755)
    (clone / ".git" / "info").mkdir(exist_ok=True)
    (clone / ".git" / "info" / "attributes").write_text("* filter=evil\n")
    (nested / "inner.txt").write_text("plain")
    (clone / "gitfile").mkdir()
    (clone / "gitfile" / ".git").write_text(f"gitdir: {nested / '.git'}\n")
    (clone / "gitfile" / "x").write_text("x")
    found = names(mirror, take_tree(mirror.git, clone, commit).tree)
    assert not flag.exists()
    assert sorted(found) == [".gitattributes", "a", "gitfile/x", "nested/inner.txt"]


def test_links_are_taken_as_links_and_never_followed(mirror: Mirror, first: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("host secret")
    clone = opened(mirror, first, tmp_path / "clone")
    (clone / "out").symlink_to(secret)
    (clone / "key").symlink_to(secret / "key")
    (clone / ".gitignore").symlink_to(secret / "key")
    found = take_tree(mirror.git, clone, first)
    assert names(mirror, found.tree) == {"out": LINK, "key": LINK, ".gitignore": LINK}
    assert mirror.read(found.tree, "out") == str(secret).encode()


def test_what_git_has_no_place_for_is_named(mirror: Mirror, first: str, tmp_path: Path) -> None:
    clone = opened(mirror, first, tmp_path / "clone")
    os.mkfifo(clone / "pipe")
    os.mkfifo(clone / ".gitignore")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(clone / "socket"))
        (clone / "git~1").write_text("x")
        (clone / "back\\git~1").write_text("x")
        (clone / "back\\slash").write_text("x")
        found = take_tree(mirror.git, clone, first)
    assert names(mirror, found.tree) == {"back\\slash": REGULAR}
    assert found.skipped == (".gitignore", "back\\git~1", "git~1", "pipe", "socket")


def test_names_of_any_bytes_survive(mirror: Mirror, first: str, tmp_path: Path) -> None:
    clone = opened(mirror, first, tmp_path / "clone")
    for name in (b"new\nline", b"tab\t", b'quote"', b"\xff\xfe", b"-dash", b"star*", "ü".encode()):
        Path(os.fsdecode(os.fsencode(clone) + b"/" + name)).write_bytes(b"x")
    tree = take_tree(mirror.git, clone, first).tree
    assert len(names(mirror, tree)) == 7
    again = tmp_path / "again"
    mirror.clone_into(again, first, files_of=tree)
    assert take_tree(mirror.git, again, first).tree == tree


def test_a_submodule_stays_what_it_was(mirror: Mirror, first: str, tmp_path: Path) -> None:
    tree = edit_tree(mirror.git, first, {b"lib/sub": (SUBMODULE, "1" * 40)})
    commit = mirror.commit_tree(tree, [first], "Submodule", at=AT)
    clone = opened(mirror, commit, tmp_path / "clone")
    assert (clone / "lib" / "sub").is_dir()
    assert take_tree(mirror.git, clone, commit).tree == tree
    (clone / "lib" / "sub" / "file").write_text("instead")
    assert names(mirror, take_tree(mirror.git, clone, commit).tree) == {"lib/sub/file": REGULAR}


def test_a_tree_beyond_the_limits_is_refused_with_a_hint(mirror: Mirror, first: str, tmp_path: Path) -> None:
    clone = opened(mirror, first, tmp_path / "clone")
    for number in range(5):
        (clone / f"f{number}").write_text("x" * 100)
    with pytest.raises(TreeTooBig, match="gitignore"):
        take_tree(mirror.git, clone, first, SnapshotLimits(new_files=4))
    with pytest.raises(TreeTooBig):
        take_tree(mirror.git, clone, first, SnapshotLimits(new_bytes=450))
    with pytest.raises(TreeTooBig, match="f[0-9] has more"):
        take_tree(mirror.git, clone, first, SnapshotLimits(file_bytes=99))
    assert len(names(mirror, take_tree(mirror.git, clone, first).tree)) == 5


def test_what_a_copy_cannot_show_stays_as_in_the_base(mirror: Mirror, first: str, tmp_path: Path) -> None:
    (sha,) = write_blobs(mirror.git, [b"/etc"])
    base = mirror.commit_tree(edit_tree(mirror.git, first, {b"out": (LINK, sha)}), [first], "Link", at=AT)
    (tmp_path / "copy").mkdir()
    found = take_tree(mirror.git, tmp_path / "copy", base, unseen=["out", "new-link"])
    assert found.tree == mirror.tree_of(base)
    assert found.skipped == ("new-link",)


_name = st.text(st.characters(exclude_characters="/\0\\", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: not name.startswith(".") and "git~" not in name.lower()
)
_files = st.dictionaries(
    st.lists(_name, min_size=1, max_size=3).map(tuple), st.tuples(st.binary(max_size=50), st.booleans()), max_size=6
)


@settings(max_examples=12, deadline=None)
@given(files=_files)
def test_any_folder_becomes_a_tree_and_the_same_folder_again(files: dict[tuple[str, ...], tuple[bytes, bool]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mirror = Mirror(folder / "mirror", str(new_remote(folder / "remote.git")))
        first = seeded(mirror)
        work = opened(mirror, first, folder / "work")
        for parts, (content, executable) in files.items():
            file = work.joinpath(*parts)
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                continue
            file.chmod(0o755 if executable else 0o644)
        tree = take_tree(mirror.git, work, first).tree
        again = folder / "again"
        mirror.clone_into(again, first, files_of=tree)
        assert _listing(again) == _listing(work)
        assert take_tree(mirror.git, again, first).tree == tree


def _listing(folder: Path) -> dict[str, tuple[bytes, bool]]:
    files = [file for file in folder.rglob("*") if file.is_file() and ".git" not in file.relative_to(folder).parts]
    return {
        str(file.relative_to(folder)): (file.read_bytes(), bool(file.stat().st_mode & stat.S_IXUSR)) for file in files
    }


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


def test_a_long_history_is_cut_and_the_newest_commits_are_whole(mirror: Mirror, first: str, tmp_path: Path) -> None:
    side = tip = far = first
    for number in range(70):
        tip = committed(mirror, tip, {f"f{number % 7}": f"{number}\n"}, f"Change {number}")
        far = tip if number == 3 else far
        if number == 60:
            tip = mirror.commit_tree(mirror.tree_of(tip), [tip, side], "Merge", at=AT)
    mirror.git.run("tag", "near", tip)
    mirror.git.run("tag", "far", far)
    clone = opened(mirror, tip, tmp_path / "clone")

    def shown(*arguments: str) -> str:
        return subprocess.run(["git", "-C", clone, *arguments], capture_output=True, check=True, text=True).stdout

    assert shown("log", "--format=%s", "-2").split("\n")[0] == "Change 69"
    assert 40 <= int(shown("rev-list", "--count", "HEAD")) <= HISTORY
    assert "+69" in shown("show", "HEAD")
    assert shown("tag") == "near\n"
    assert shown("status", "--short") == ""
    shown("fsck", "--strict", "--connectivity-only")


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
