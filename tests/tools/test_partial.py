"""A partial mirror: what stays with the remote, how it comes when it is needed, and what happens when it cannot."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tools.code_host import Forge
from tests.tools.git_server import GitServer
from tests.tools.repositories import AT, new_remote
from tools.errors import FetchFailed, GitError
from tools.git import Mirror
from tools.gitobjects import missing
from tools.upkeep import keep_up
from tools.upstream import PROMISED

COMMITS = 70
"""More than the 50 whose contents come at once."""
README = "M 100644 inline README.md\ndata 5\nHello\n"


@pytest.fixture
def remote(git_server: GitServer, tmp_path: Path) -> Iterator[Path]:
    """A repository with a history in which each commit changes one of two files, on a server that filters."""
    folder = new_remote(git_server.folder / f"{tmp_path.name}.git")
    for key in ("allowFilter", "allowAnySHA1InWant"):
        configure(folder, f"uploadpack.{key}", "true")
    subprocess.run(["git", "-C", folder, "fast-import", "--quiet"], input=history("main"), check=True)
    git_server.asked.clear()
    yield folder
    git_server.held_from = None
    git_server.released.set()


def history(branch: str) -> bytes:
    """A branch, for `git fast-import`."""
    return b"".join(_commit(branch, number) for number in range(COMMITS))


def _commit(branch: str, number: int) -> bytes:
    head = f"commit refs/heads/{branch}\ncommitter A <a@example.org> {1_700_000_000 + number} +0000\ndata 2\nC\n"
    content = content_of(number)
    files = f"M 100644 inline {path_of(number)}\ndata {len(content)}\n{content}\n"
    return f"{head}{files}{'' if number else README}".encode()


def path_of(number: int) -> str:
    return f"src/file{number % 2}.py"


def content_of(number: int) -> str:
    return f"def function_{number}():\n    return {number}\n" + "# the same\n" * 20


def configure(folder: Path, key: str, value: str) -> None:
    subprocess.run(["git", "-C", folder, "config", key, value], check=True)


@pytest.fixture
def opened(git_server: GitServer, remote: Path, tmp_path: Path) -> Callable[..., Mirror]:
    """Opens a partial mirror of it."""

    def open_one(name: str = "partial") -> Mirror:
        return Mirror(tmp_path / name, f"{git_server.url}/{remote.name}", "writer", branches=("main",), partial=True)

    return open_one


@pytest.fixture
def partial(opened: Callable[..., Mirror]) -> Mirror:
    """A partial mirror that has fetched."""
    mirror = opened()
    mirror.fetch()
    return mirror


@pytest.fixture
def head(partial: Mirror) -> str:
    return partial.require("main")


@pytest.fixture
def commits(partial: Mirror, head: str) -> list[str]:
    """All commits, the oldest first."""
    return [commit.sha for commit in reversed(partial.log(head))]


def lacking(mirror: Mirror) -> int:
    """How many contents the mirror lacks."""
    found = mirror.git.run("rev-list", "--objects", "--all", "--missing=print", "--no-object-names").text
    return sum(line.startswith("?") for line in found.splitlines())


def sound(mirror: Mirror) -> bool:
    return mirror.git.run(*PROMISED, "fsck", "--strict", accept=(0, 1, 2, 3, 4, 5, 6, 7)).status == 0


def test_old_contents_stay_away_and_new_ones_come_in_one_request(partial: Mirror, git_server: GitServer) -> None:
    assert lacking(partial) == COMMITS - 50 - 1, "the other file of the oldest of the fifty is there"
    assert len(partial.log(partial.require("main"))) == COMMITS
    before = len(git_server.asked)
    partial.fetch()
    assert len(git_server.asked) == before, "nothing is new"
    assert sound(partial)


def test_a_head_is_read_without_the_remote(partial: Mirror, head: str, remote: Path, tmp_path: Path) -> None:
    remote.rename(tmp_path / "away.git")
    before = partial.log(head, limit=2)[1].sha
    assert partial.read(head, path_of(69)).decode() == content_of(69)
    assert partial.facts(head).files == len(partial.files(head)) == 3
    assert [change.path for change in partial.changed_files(before, head)] == [path_of(69)]
    assert "+def function_69" in partial.diff(before, head)
    assert partial.changed_lines(before, head)[path_of(69)] == {1, 2}
    edited = partial.commit_edits(head, {"new.py": "x = 1\n"}, "Add", at=AT)
    other = partial.commit_edits(head, {"README.md": "Bye\n"}, "Change", at=AT)
    assert partial.merge_trees(edited, other).clean
    assert partial.unbundle(partial.bundle(head, edited)) == edited
    partial.clone_into(tmp_path / "clone", edited)
    assert (tmp_path / "clone" / "new.py").read_text() == "x = 1\n"


@pytest.mark.parametrize(
    "read",
    [
        lambda mirror, commit, head: mirror.read(commit, path_of(5)),
        lambda mirror, commit, head: mirror.files(commit),
        lambda mirror, commit, head: mirror.facts(commit),
        lambda mirror, commit, head: mirror.diff(commit, head),
        lambda mirror, commit, head: mirror.changed_files(commit, head),
        lambda mirror, commit, head: mirror.changed_lines(commit, head),
        lambda mirror, commit, head: mirror.edit_tree(commit, {"a": "b"}),
        lambda mirror, commit, head: mirror.graft(commit, head, [path_of(5)]),
        lambda mirror, commit, head: mirror.merge_trees(
            mirror.commit_edits(commit, {"src/file0.py": "x\n", "src/file1.py": "x\n"}, "Change", at=AT), head
        ),
        lambda mirror, commit, head: mirror.clone_into(mirror.folder.parent / "clone", commit),
        lambda mirror, commit, head: mirror.bundle(None, head),
        lambda mirror, commit, head: mirror.bundle(commit, head),
    ],
)
def test_an_old_commit_is_brought_at_once_when_it_is_read(
    partial: Mirror, commits: list[str], head: str, git_server: GitServer, read: Callable[[Mirror, str, str], object]
) -> None:
    whole = Mirror(partial.folder.parent / "whole", partial.url, "reader")
    whole.fetch()
    before = len(git_server.asked)
    found = read(partial, commits[5], head)
    assert len(git_server.asked) - before <= 1, "file by file would take more"
    if found is not None and not isinstance(found, bytes):
        assert found == read(whole, commits[5], head)
    assert sound(partial)


def test_what_was_brought_is_not_asked_for_again(partial: Mirror, commits: list[str], git_server: GitServer) -> None:
    partial.files(commits[5])
    before = len(git_server.asked)
    assert partial.read(commits[5], path_of(5)).decode() == content_of(5)
    assert partial.read_many(commits[5], ["no.py", "neither.py"]) == {}
    assert len(git_server.asked) == before


def test_a_server_without_filters_gives_everything(opened: Callable[..., Mirror], remote: Path) -> None:
    configure(remote, "uploadpack.allowFilter", "false")
    mirror = opened()
    mirror.fetch()
    assert lacking(mirror) == 0
    assert sound(mirror)


def test_where_contents_are_not_given_by_name_the_whole_history_comes(
    opened: Callable[..., Mirror], remote: Path, tmp_path: Path
) -> None:
    configure(remote, "uploadpack.allowAnySHA1InWant", "false")
    mirror = opened()
    mirror.git.run("config", "protocol.version", "0")  # the second version gives any name
    mirror.fetch()
    assert lacking(mirror) == COMMITS - 50 - 1
    first, second = (commit.sha for commit in mirror.log(mirror.require("main"))[:-3:-1])
    assert mirror.read(second, path_of(1)).decode() == content_of(1)
    assert lacking(mirror) == 0
    remote.rename(tmp_path / "away.git")
    assert mirror.read(first, path_of(0)).decode() == content_of(0)


@pytest.mark.parametrize("with_git", [True, False] if sys.platform == "linux" else [False])
def test_a_fetch_killed_on_its_way_is_made_good_by_the_next(
    opened: Callable[..., Mirror], remote: Path, git_server: GitServer, tmp_path: Path, with_git: bool
) -> None:
    mirror = opened()
    code = (
        "import sys; from pathlib import Path; from tools.git import Mirror\n"
        "Mirror(Path(sys.argv[1]), sys.argv[2], 'writer', branches=('main',), partial=True).fetch()\n"
    )
    git_server.released.clear()
    git_server.held_from = 1  # the last commits are given, the older ones are not
    child = subprocess.Popen([sys.executable, "-c", code, str(mirror.folder), mirror.url], start_new_session=True)
    wait_for(lambda: len(git_server.asked) == 2)
    for group in [child.pid, *(children(child.pid) if with_git else ())]:
        os.killpg(group, signal.SIGKILL)
    child.wait()
    git_server.held_from = None
    git_server.released.set()
    mirror.fetch()
    assert len(mirror.log(mirror.require("main"))) == COMMITS
    remote.rename(tmp_path / "away.git")
    assert mirror.read(mirror.require("main"), path_of(69)).decode() == content_of(69)
    assert lacking(mirror) == COMMITS - 50 - 1
    assert sound(mirror)


def children(process: int) -> list[int]:
    """The processes that a process started: its git, in a group of its own."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = file.read_text().rpartition(")")[2].split()
            if int(fields[1]) == process:
                found.append(int(file.parent.name))
    return found


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_what_the_remote_no_longer_has_is_an_error_that_says_so(
    partial: Mirror, commits: list[str], head: str, remote: Path, tmp_path: Path
) -> None:
    remote.rename(tmp_path / "away.git")
    for read in (partial.files, partial.facts):
        with pytest.raises(GitError, match="there is no repository at http"):
            read(commits[5])
    with pytest.raises(FetchFailed):
        partial.read(commits[5], path_of(5))
    assert partial.read(head, path_of(69))


def test_upkeep_leaves_a_partial_mirror_whole(partial: Mirror, commits: list[str], head: str) -> None:
    ours = partial.commit_edits(head, {"new.py": "x = 1\n"}, "Add", at=AT)
    partial.push("main", ours, head)
    assert keep_up(partial.git, loose=1, packs=1)
    assert len(list((partial.folder / "objects" / "pack").glob("*.pack"))) <= 2
    assert sound(partial)
    assert partial.read(ours, "new.py") == b"x = 1\n"
    assert partial.read(commits[5], path_of(5)).decode() == content_of(5)


def test_a_branch_on_an_old_commit_is_pushed_though_the_remote_has_moved(
    partial: Mirror, commits: list[str], head: str, opened: Callable[..., Mirror], remote: Path
) -> None:
    other = opened("other")
    other.fetch()
    other.push("main", other.commit_edits(head, {"b": "2"}, "Change", at=AT), head)
    ours = partial.commit_edits(commits[10], {"a": "1"}, "Change", at=AT)
    partial.create_branch("feature/F-1", ours)
    found = subprocess.run(
        ["git", "-C", remote, "rev-parse", "feature/F-1"], check=True, capture_output=True, text=True
    )
    assert found.stdout.strip() == ours


def test_a_file_changed_back_to_an_old_content_is_there(
    partial: Mirror, head: str, opened: Callable[..., Mirror], remote: Path, tmp_path: Path
) -> None:
    other = opened("other")
    other.fetch()
    other.push("main", other.commit_edits(head, {path_of(5): content_of(5)}, "Change back", at=AT), head)
    partial.fetch()
    remote.rename(tmp_path / "away.git")
    assert partial.read(partial.require("main"), path_of(5)).decode() == content_of(5)


def test_a_fetch_follows_a_branch_far_ahead_and_one_that_was_rewritten(
    partial: Mirror, head: str, commits: list[str], remote: Path, tmp_path: Path
) -> None:
    subprocess.run(["git", "-C", remote, "update-ref", "refs/heads/main", commits[5]], check=True)
    partial.fetch()
    assert partial.head("main") == commits[5]
    remote.rename(tmp_path / "away.git")
    assert partial.read(commits[5], path_of(5)).decode() == content_of(5)
    assert not missing(partial.git, [head])


def test_the_forge_gives_commits_without_contents_and_contents_by_name(forge: Forge, tmp_path: Path) -> None:
    host = forge.new_repository()
    url, token = host.repository().clone_url, host.settings.token
    work = Mirror(tmp_path / "work", url, token)
    work.git.run("fast-import", "--quiet", given=history("long"))
    head = work.require("long")
    work.create_branch("long", head)
    mirror = Mirror(tmp_path / "partial", url, token, branches=("long",), partial=True)
    mirror.fetch()
    assert lacking(mirror) == COMMITS - 50 - 1
    old = mirror.log(head)[-2].sha
    assert mirror.read(old, path_of(1)).decode() == content_of(1)
    assert lacking(mirror) == COMMITS - 50 - 1 - 2
    assert sound(mirror)


def test_nothing_about_it_stands_in_the_mirrors_configuration(partial: Mirror) -> None:
    assert "promisor" not in (partial.folder / "config").read_text()
    assert partial.url not in (partial.folder / "config").read_text()
