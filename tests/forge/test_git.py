"""git over HTTP, refs, contents and commits."""

import os
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from github import GithubException
from github.InputGitAuthor import InputGitAuthor
from hypothesis import given
from hypothesis import strategies as st

from forge.git.refs import is_name
from forge.githttp import packet
from forge.server import THREADS
from tests.forge.conftest import Project, git


def test_clone_fetch_and_push_carry_a_large_history(project: Project, tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(200_000))
    project.branch("big", {"big.txt": text})
    git(tmp_path, "clone", "-q", "-b", "big", project.forge.remote(project.name, "bob"), "copy")
    assert (tmp_path / "copy" / "big.txt").read_text() == text
    assert "main" in git(tmp_path / "copy", "ls-remote", project.forge.remote(project.name, "bob"))


def test_a_push_is_told_of_nothing_that_is_wrong(project: Project, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", project.forge.remote(project.name, "bob"), "copy")
    git(tmp_path / "copy", "-c", "user.name=b", "-c", "user.email=b@b.example", "commit", "--allow-empty", "-qm", "one")
    pushing = ["git", "push", project.forge.remote(project.name, "bob"), "HEAD:refs/heads/new"]
    pushed = subprocess.run(pushing, cwd=tmp_path / "copy", capture_output=True, text=True, check=True, timeout=60)
    assert "error" not in pushed.stderr, pushed.stderr


def test_fetches_whose_clients_stand_still_hold_up_nobody(project: Project) -> None:
    many = {f"small/{number}": f"{number}\n" for number in range(150)}  # so many objects stay in a pack as they came
    (project.clone / "big.bin").write_bytes(os.urandom(24 * 1024 * 1024))
    sha = project.branch("big", many)
    place = urlsplit(project.forge.url)
    wants = packet(f"want {sha} side-band-64k\n".encode()) + b"0000" + packet(b"done\n")
    head = (
        f"POST /{project.name}.git/git-upload-pack HTTP/1.1\r\nHost: {place.netloc}\r\n"
        f"Content-Type: application/x-git-upload-pack-request\r\nContent-Length: {len(wants)}\r\n\r\n"
    )
    with ExitStack() as stack:
        for _ in range(THREADS):
            client = stack.enter_context(socket.socket())
            client.settimeout(120)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            client.connect((place.hostname, place.port))
            client.sendall(head.encode() + wants)
            assert client.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"
        assert requests.get(f"{project.forge.url}/healthz", timeout=120).json() == {"status": "ok"}


def test_strangers_read_public_repositories_and_push_nothing(project: Project, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", f"{project.forge.url}/{project.name}.git", "public")
    assert "403" in project.push("main", login="carol", ok=False)
    project.ada.edit(private=True)
    git(tmp_path, "clone", "-q", f"{project.forge.url}/{project.name}.git", "private", ok=False)
    said = git(tmp_path, "clone", "-q", project.forge.remote(project.name, "carol"), "hidden", ok=False)
    assert "not found" in said
    git(tmp_path, "clone", "-q", project.forge.remote(project.name, "bob"), "allowed")


def test_protected_branch_refuses_rewinds_deletes_and_direct_pushes(project: Project) -> None:
    project.ada.get_branch("main").edit_protection(strict=False, contexts=["ci"])
    project.commit("main", {"a.txt": "a\n"})
    project.push("main")
    git(project.clone, "reset", "-q", "--hard", "HEAD~1")
    assert "rejected" in project.push("main", "--force", ok=False)
    assert "protected branch" in project.push(":main", ok=False)
    project.ada.get_branch("main").edit_protection(required_approving_review_count=1)
    git(project.clone, "pull", "-q", project.forge.remote(project.name, "bob"), "main")
    project.commit("main", {"b.txt": "b\n"})
    assert "through a pull request" in project.push("main", ok=False)
    project.push("main", login="ada")


def test_only_branches_and_tags_can_be_pushed(project: Project) -> None:
    assert "only branches and tags" in project.push("main:refs/pull/1/head", ok=False)


def test_broken_objects_are_refused(project: Project) -> None:
    raw = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor nobody\n\nbad\n"
    git(project.clone, "hash-object", "-w", "-t", "tree", "/dev/null")
    made = subprocess.run(
        ["git", "hash-object", "-w", "--literally", "-t", "commit", "--stdin"],
        input=raw,
        capture_output=True,
        text=True,
        cwd=project.clone,
        check=True,
    )
    said = project.push(f"{made.stdout.strip()}:refs/heads/broken", ok=False)
    assert "fsck" in said or "error" in said
    assert [branch.name for branch in project.ada.get_branches()] == ["main"]


def test_request_that_is_not_gits_is_a_bad_request(project: Project) -> None:
    url = f"/../../{project.name}.git/git-receive-pack"
    for raw in (b"", b"zzzz", b"0009", b"0003", b"ffff short"):
        answer = project.forge.call("POST", url, "bob", data=raw)
        assert answer.status_code in (400, 501), answer.text


def test_first_push_of_another_branch_makes_it_the_default(project: Project) -> None:
    bare = project.forge.client("ada").get_user().create_repo(f"{project.ada.name}-trunk")
    remote = project.forge.remote(bare.full_name, "ada")
    git(project.clone, "push", "-q", remote, "main:trunk")
    assert project.forge.client("ada").get_repo(bare.full_name).default_branch == "trunk"
    assert "master" not in git(project.clone, "ls-remote", "--symref", remote, "HEAD")


def test_refs_are_made_moved_and_deleted(project: Project) -> None:
    first = project.bob.get_branch("main").commit.sha
    second = project.branch("feature", {"a.txt": "a\n"})
    ref = project.bob.create_git_ref("refs/heads/topic", first)
    with pytest.raises(GithubException) as again:
        project.bob.create_git_ref("refs/heads/topic", first)
    assert again.value.status == 422 and "already exists" in str(again.value.data)
    ref.edit(second)
    with pytest.raises(GithubException) as backwards:
        ref.edit(first)
    assert "not a fast forward" in str(backwards.value.data)
    ref.edit(first, force=True)
    assert project.bob.get_git_ref("heads/topic").object.sha == first
    names = {each.ref for each in project.bob.get_git_matching_refs("heads/")}
    assert names == {"refs/heads/main", "refs/heads/feature", "refs/heads/topic"}
    ref.delete()
    with pytest.raises(GithubException) as gone:
        project.bob.get_git_ref("heads/topic")
    assert gone.value.status == 404


@pytest.mark.parametrize("name", ["refs/pull/1/head", "refs/heads/a..b", "refs/heads/a b", "x"])
def test_bad_ref_names_are_refused(project: Project, name: str) -> None:
    sha = project.bob.get_branch("main").commit.sha
    with pytest.raises(GithubException) as refused:
        project.bob.create_git_ref(name, sha)
    assert refused.value.status == 422


def test_file_is_created_changed_read_and_deleted(project: Project) -> None:
    author = InputGitAuthor("Grace", "grace@example.com", "2024-01-02T03:04:05Z")
    made = project.bob.create_file("docs/a b.txt", "Add", b"\x00\xffbinary", author=author)["commit"]
    assert project.bob.get_commit(made.sha).commit.author.name == "Grace"
    file = project.bob.get_contents("docs/a b.txt")
    assert not isinstance(file, list) and file.decoded_content == b"\x00\xffbinary"
    with pytest.raises(GithubException) as stale:
        project.bob.update_file("docs/a b.txt", "Change", "x", "0" * 40)
    assert stale.value.status == 409
    project.bob.update_file("docs/a b.txt", "Change", "text", file.sha)
    listing = project.bob.get_contents("docs")
    assert isinstance(listing, list) and [each.path for each in listing] == ["docs/a b.txt"]
    project.bob.delete_file("docs/a b.txt", "Remove", listing[0].sha)
    with pytest.raises(GithubException) as gone:
        project.bob.get_contents("docs/a b.txt")
    assert gone.value.status == 404


@pytest.mark.parametrize("path", [".git/config", "a/.GIT/hooks/x", "a/%2e%2e/b"])
def test_path_outside_the_tree_is_refused(project: Project, path: str) -> None:
    body = {"message": "m", "content": "eA=="}
    answer = project.forge.call("PUT", f"/repos/{project.name}/contents/{path}", "bob", json=body)
    assert answer.status_code in (404, 422, 501), answer.text
    assert {each.path for each in project.bob.get_git_tree("main").tree} == {"README.md", "app.py"}


def test_comparison_and_history_are_shown(project: Project) -> None:
    sha = project.branch("feature", {"app.py": "one\n"}, "Cut\n\nLonger text")
    compared = project.bob.compare("main", "feature")
    assert (compared.status, compared.ahead_by, compared.behind_by) == ("ahead", 1, 0)
    assert [file.filename for file in compared.files] == ["app.py"]
    commit = project.bob.get_commit(sha)
    assert commit.commit.message == "Cut\n\nLonger text"
    assert commit.stats.deletions == 2
    assert [each.sha for each in project.bob.get_commits(sha="feature", path="app.py")][0] == sha
    assert project.bob.get_git_commit(sha).parents[0].sha == commit.parents[0].sha
    assert project.bob.get_readme().decoded_content == b"# Project\n"


@given(st.text(st.sampled_from("ab/.~^:?*[\\@{}- \x7f\n\0é"), max_size=12))
def test_ref_names_pass_just_when_git_takes_them(name: str) -> None:
    if not name or "\0" in name:
        assert not is_name(name)
        return
    done = subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=False)
    assert is_name(f"refs/heads/{name}") == (done.returncode == 0)
