"""From an untrusted folder to a tree, and back into a clone; nothing of the folder acts on the host."""

import os
import socket
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.repositories import AT, committed, names, new_remote, opened, seeded
from tools.errors import GitBroken, TreeTooBig
from tools.git import Mirror
from tools.gitobjects import EXECUTABLE, LINK, REGULAR, SUBMODULE, edit_tree, write_blobs
from tools.snapshot import SnapshotLimits, take_tree
from tools.upstream import HISTORY


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
