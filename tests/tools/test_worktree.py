"""Work trees in real sandboxes."""

import pytest

from devctl import Launcher
from tests.tools.repositories import committed
from tools import editing
from tools.errors import ToolError, WorkTreeLost
from tools.git import Mirror
from tools.worktree import open_worktree


def test_a_work_tree_holds_the_commit_and_its_history(launcher: Launcher, mirror: Mirror, first: str) -> None:
    commit = committed(mirror, first, {"a.txt": "1\n"}, "Second")
    with open_worktree(launcher, mirror, commit) as worktree:
        assert worktree.exec("cat a.txt; git log --format=%s; git status --short").output == "1\nSecond\nFirst\n"
        assert not worktree.snapshot().changed
        assert worktree.exec("exit 3").exit_code == 3


def test_the_same_files_are_the_same_snapshot(launcher: Launcher, mirror: Mirror, first: str) -> None:
    with open_worktree(launcher, mirror, first) as worktree:
        worktree.exec("echo 1 > a; git add a; git commit -qm inside")
        snapshot = worktree.snapshot()
        worktree.exec("touch a; rm -rf .git")
        assert worktree.snapshot() == snapshot
        assert snapshot.changed
        assert mirror.commit(snapshot.commit).parents == (first,)
        assert worktree.change().verdict == "change: 1 file(s), +1 -0"


def test_a_snapshot_goes_to_another_machine_and_on(
    launcher: Launcher, mirror: Mirror, first: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with open_worktree(launcher, mirror, first) as worktree:
        assert worktree.bundle(worktree.snapshot()) is None
        worktree.exec("mkdir d; echo 1 > d/a; chmod +x d/a; ln -s a d/link")
        snapshot = worktree.snapshot()
        data = worktree.bundle(snapshot)
    assert data is not None
    other = Mirror(tmp_path_factory.mktemp("other") / "mirror", mirror.url)
    other.fetch()
    other.unbundle(data)
    with open_worktree(launcher, other, first, files_of=snapshot.commit) as again:
        assert again.snapshot() == snapshot
        assert again.exec("git status --short; test -x d/a && cat d/link").output == "?? d/\n1\n"


def test_restoring_brings_back_files_whatever_became_of_them(launcher: Launcher, mirror: Mirror, first: str) -> None:
    commit = committed(mirror, first, {"a": "1\n", "d/b": "2\n", ".gitignore": "junk\n"})
    with open_worktree(launcher, mirror, commit) as worktree:
        worktree.exec("rm -rf .git d; ln -s /etc d; mkdir a2 junk; touch junk/x; chmod 000 junk a2; rm a; mkdir a")
        worktree.restore(commit)
        assert worktree.snapshot().tree == mirror.tree_of(commit)
        assert worktree.exec("ls -A; git status --short").output.split() == [".git", ".gitignore", "a", "d"]


def test_files_are_viewed_created_and_edited_inside(launcher: Launcher, mirror: Mirror, first: str) -> None:
    with open_worktree(launcher, mirror, first) as worktree:
        assert editing.create(worktree, "src/new.py", "a = 1\nb = 2\n").verdict == "created src/new.py: 2 lines"
        worktree.exec("chmod +x src/new.py")
        assert editing.edit(worktree, "/work/src/new.py", "b = 2", "b = 3").verdict == "edited src/new.py"
        assert editing.view(worktree, "src/new.py", 2).text == "     2\tb = 3"
        assert editing.view(worktree, ".").text == "src/"
        assert editing.create(worktree, "src/new.py", "").verdict == "overwrote src/new.py: 0 lines"
        assert worktree.exec("stat -c %A src/new.py").output == "-rwxr-xr-x\n"


def test_edits_do_not_follow_links_or_replace_folders(launcher: Launcher, mirror: Mirror, first: str) -> None:
    with open_worktree(launcher, mirror, first) as worktree:
        worktree.exec("ln -s /etc/passwd file; ln -s /etc folder; mkdir real; printf '\\0' > binary")
        for path in ("file", "folder/hosts", "binary", "nix", "real/../file"):
            with pytest.raises(ToolError):
                editing.view(worktree, path)
        for path in ("file", "folder/x", "real"):
            with pytest.raises(ToolError):
                editing.create(worktree, path, "x")


def test_a_work_tree_whose_environment_is_gone_says_so(launcher: Launcher, mirror: Mirror, first: str) -> None:
    worktree = open_worktree(launcher, mirror, first)
    worktree.environment.stop()
    with pytest.raises(WorkTreeLost):
        worktree.exec("true")
    with pytest.raises(WorkTreeLost):
        worktree.read_file("a")
    worktree.close()
