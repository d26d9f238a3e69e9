"""A narrow fetch: what comes, what stays away, what goes again, and what the server is asked."""

import os
import subprocess
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.tools.code_host import Forge
from tests.tools.git_server import GitServer
from tests.tools.repositories import AT, committed, new_remote, seeded
from tools.errors import FetchFailed
from tools.git import Mirror

WANTED = ("main", "feature/F-*")


def git(remote: Path, *arguments: str) -> str:
    """Run git in the remote itself."""
    return subprocess.run(["git", "-C", remote, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def narrow(tmp_path: Path, mirror: Mirror) -> Mirror:
    """A second mirror of the same remote that wants only the default branch and Roadcrew's own."""
    return Mirror(tmp_path / "narrow", mirror.url, branches=WANTED)


def tag(remote: Path, name: str, commit: str) -> None:
    git(remote, "-c", "user.name=A", "-c", "user.email=a@example.org", "tag", "-a", "-m", name, name, commit)


def test_only_wanted_branches_come_with_their_objects(mirror: Mirror, first: str, narrow: Mirror) -> None:
    ours, theirs = committed(mirror, first, {"a": "1"}), committed(mirror, first, {"b": "2"})
    mirror.create_branch("feature/F-1", ours)
    mirror.create_branch("feature/search", theirs)
    narrow.fetch()
    assert narrow.branches() == {"main": first, "feature/F-1": ours}
    assert not narrow.has(theirs)


def test_tags_come_with_what_they_name(mirror: Mirror, first: str, narrow: Mirror, remote: Path) -> None:
    release = committed(mirror, first, {"a": "1"})
    mirror.push("main", release, first)
    beside = committed(mirror, first, {"b": "2"})
    mirror.create_branch("old", beside)
    tag(remote, "v1", release)
    tag(remote, "v0-old", beside)
    narrow.fetch()
    assert narrow.git.run("describe", release).text == "v1"
    assert narrow.git.run("tag").text == "v1"
    git(remote, "tag", "v1.1", release)
    narrow.fetch()
    assert narrow.git.run("tag").text.split() == ["v1", "v1.1"], "a tag may come after its commit"


def test_it_is_updated_in_place(mirror: Mirror, first: str, narrow: Mirror, remote: Path) -> None:
    narrow.fetch()
    old = committed(mirror, first, {"a": "1"})
    mirror.create_branch("feature/F-1", old)
    narrow.fetch()
    new = committed(mirror, first, {"a": "2"})
    git(remote, "update-ref", "-d", "refs/heads/feature/F-1")
    mirror.git.talk("push", mirror.url, f"{new}:refs/heads/main", url=mirror.url, token=None)
    narrow.fetch()
    assert narrow.branches() == {"main": new}
    git(remote, "update-ref", "refs/heads/main", first)
    narrow.fetch()
    assert narrow.head("main") == first, "history that was rewritten is followed"


def test_a_branch_that_the_remote_lacks_is_gone_here(mirror: Mirror, first: str, narrow: Mirror, remote: Path) -> None:
    narrow.fetch()
    mirror.create_branch("feature/F-1", first)
    git(remote, "branch", "-m", "main", "trunk")
    narrow.fetch("trunk", "release")
    assert narrow.branches() == {"trunk": first, "feature/F-1": first}


def test_all_branches_may_be_asked_for_once(mirror: Mirror, first: str, narrow: Mirror) -> None:
    mirror.create_branch("feature/F-1", first)
    mirror.create_branch("other", first)
    narrow.fetch("*")
    assert set(narrow.branches()) == {"main", "feature/F-1", "other"}


def test_an_empty_repository_has_none_of_them(narrow: Mirror) -> None:
    narrow.fetch()
    assert narrow.branches() == {}


def test_a_repository_that_is_not_there_is_an_error_not_an_absence(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed):
        Mirror(tmp_path / "narrow", str(tmp_path / "nix.git"), branches=WANTED).fetch()


def test_a_commit_that_no_wanted_branch_leads_to_is_brought_by_its_name(forge: Forge, tmp_path: Path) -> None:
    host = forge.new_repository()
    base = host.ensure_branch("change", host.branch_head("main") or "")
    head = forge.commit(host, "change", "a.txt", "a\n")
    host.upsert_pull_request("change", "main", "Add a", "It adds a.")
    host.delete_branch("change")
    mirror = Mirror(tmp_path / "narrow", host.repository().clone_url, host.settings.token, branches=WANTED)
    mirror.fetch()
    assert mirror.has(base)
    assert not mirror.has(head)
    assert mirror.bring(head)
    assert mirror.read(head, "a.txt") == b"a\n"
    assert mirror.branches() == {"main": base}
    assert not mirror.bring("f" * 40)


def test_a_large_remote_sends_only_what_is_wanted(git_server: GitServer, tmp_path: Path) -> None:
    remote = new_remote(git_server.folder / "many-teams.git")
    url = f"{git_server.url}/many-teams.git"
    work = Mirror(tmp_path / "work", url, token="writer")
    first = seeded(work)
    for number in range(20):
        commit = work.commit_edits(first, {f"f{number}": f"{number}\n"}, "Change", at=AT + timedelta(seconds=number))
        work.create_branch(f"team/{number}", commit)
        git(remote, "update-ref", f"refs/pull/{number}/head", commit)
    whole, narrow = (Mirror(tmp_path / str(wanted), url, token="reader", branches=wanted) for wanted in (None, WANTED))
    whole.fetch()
    narrow.fetch()
    assert (_objects(whole), _objects(narrow)) == (2 + 3 * 20, 2)


def _objects(mirror: Mirror) -> int:
    return len(mirror.git.run("cat-file", "--batch-all-objects", "--batch-check").text.splitlines())


@pytest.fixture
def behind(mirror: Mirror, first: str, narrow: Mirror, remote: Path) -> Mirror:
    """A mirror for which there is a new commit to fetch and a branch to remove."""
    mirror.create_branch("feature/F-1", first)
    narrow.fetch()
    mirror.push("main", committed(mirror, first, {"a": "1"}), first)
    git(remote, "update-ref", "-d", "refs/heads/feature/F-1")
    return narrow


LOCKS = ("refs/heads/main.lock", "packed-refs.lock", "objects/info/commit-graphs/commit-graph-chain.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_what_a_killed_git_left_locked_is_freed(mirror: Mirror, behind: Mirror, name: str) -> None:
    lock = behind.folder / name
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    old = time.time() - behind.git.settings.transfer_seconds - 1
    os.utime(lock, (old, old))
    behind.fetch()
    assert behind.branches() == {"main": mirror.head("main")}
    assert not lock.exists()


def test_a_lock_that_may_be_held_is_waited_for(mirror: Mirror, behind: Mirror) -> None:
    lock = behind.folder / "refs" / "heads" / "main.lock"
    lock.touch()
    holder = threading.Timer(0.5, lock.unlink)  # fails the test where the lock is gone by then
    holder.start()
    behind.fetch()
    holder.join()
    assert behind.branches() == {"main": mirror.head("main")}
