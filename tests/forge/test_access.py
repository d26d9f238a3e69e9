"""Who may do what, and how the API speaks: errors, headers, entity tags, routes outside the subset."""

import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from github import GithubException, RateLimitExceededException

from tests.forge import conftest
from tests.forge.conftest import ADMIN_TOKEN, Forge, Project, forge_login

OPERATOR = {"Authorization": f"token {ADMIN_TOKEN}"}


def test_private_repository_does_not_exist_for_strangers(project: Project) -> None:
    project.ada.edit(private=True)
    for login in (None, "carol"):
        answer = project.forge.call("GET", f"/repos/{project.name}", login)
        assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")
    assert project.name not in {each.full_name for each in project.forge.client("carol").get_user("ada").get_repos()}
    project.ada.add_to_collaborators(forge_login(project.forge, "carol"), "pull")
    assert project.forge.client("carol").get_repo(project.name).private


@pytest.mark.parametrize(
    ("level", "allowed"),
    [
        ("pull", set()),
        ("triage", {"label"}),
        ("push", {"label", "branch", "status"}),
        ("admin", {"label", "branch", "status", "hooks"}),
    ],
)
def test_each_permission_opens_its_routes(project: Project, level: str, allowed: set[str]) -> None:
    login = f"with-{level}"
    project.ada.add_to_collaborators(forge_login(project.forge, login), level)
    project.ada.create_issue(title="One")
    sha = project.ada.get_branch("main").commit.sha
    base = f"/repos/{project.name}"
    calls = {
        "label": ("POST", f"{base}/issues/1/labels", {"labels": ["x"]}),
        "branch": ("POST", f"{base}/git/refs", {"ref": f"refs/heads/{level}", "sha": sha}),
        "status": ("POST", f"{base}/statuses/{sha}", {"state": "success"}),
        "hooks": ("GET", f"{base}/hooks", None),
    }
    done = {
        name
        for name, (method, path, body) in calls.items()
        if project.forge.call(method, path, login, json=body).status_code < 300
    }
    assert done == allowed


def test_permission_of_a_collaborator_is_told(project: Project) -> None:
    assert project.ada.get_collaborator_permission("bob") == "write"
    assert project.ada.get_collaborator_permission("ada") == "admin"
    assert project.ada.get_collaborator_permission(forge_login(project.forge, "carol")) == "read"
    assert project.ada.has_in_collaborators("bob") and not project.ada.has_in_collaborators("carol")
    project.ada.remove_from_collaborators("bob")
    assert not project.ada.has_in_collaborators("bob")


def test_changes_need_someone_and_tokens_must_be_valid(project: Project) -> None:
    answer = project.forge.call("POST", f"/repos/{project.name}/issues", json={"title": "x"})
    assert answer.status_code == 401
    bad = project.forge.call("GET", "/user", headers={"Authorization": "token wrong"})
    assert (bad.status_code, bad.json()["message"]) == (401, "Bad credentials")


def test_only_the_operator_makes_people(forge: Forge) -> None:
    assert forge.call("POST", "/admin/users", "ada", json={"login": "mallory"}).status_code == 403
    assert forge.call("POST", "/admin/users", headers=OPERATOR, json={"login": "ADA"}).status_code == 422
    for login in ("api", "a b", "-x", "", "../x"):
        answer = forge.call("POST", "/admin/users", headers=OPERATOR, json={"login": login})
        assert answer.status_code == 422, login


def test_revoked_tokens_open_nothing(forge: Forge) -> None:
    assert forge.call("GET", "/user", "dave").status_code == 200
    assert forge.call("DELETE", "/admin/users/dave/authorizations", headers=OPERATOR).status_code == 204
    assert forge.call("GET", "/user", "dave").status_code == 401
    del forge.tokens["dave"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/repos/ada/x/actions/runs"), ("POST", "/graphql"), ("PUT", "/user"), ("GET", "/orgs/x")],
)
def test_route_outside_the_subset_is_named(forge: Forge, method: str, path: str) -> None:
    answer = forge.call(method, path, "ada")
    assert answer.status_code == 501
    assert f"{method} /api/v3{path}" in answer.json()["message"]


def test_unchanged_answer_is_not_sent_again(project: Project) -> None:
    path = f"/repos/{project.name}"
    first = project.forge.call("GET", path, "ada")
    tag = {"If-None-Match": first.headers["ETag"]}
    again = project.forge.call("GET", path, "ada", headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    project.ada.edit(description="Changed")
    assert project.forge.call("GET", path, "ada", headers=tag).status_code == 200


def test_rate_limit_counts_what_was_asked(project: Project) -> None:
    path = f"/repos/{project.name}"
    first = project.forge.call("GET", path, "ada")
    tag = {"If-None-Match": first.headers["ETag"]}
    free = [
        project.forge.call("GET", path, "ada", headers=tag),
        project.forge.call("GET", "/rate_limit", "ada"),
    ]
    assert {each.headers["X-RateLimit-Used"] for each in free} == {first.headers["X-RateLimit-Used"]}
    core = free[1].json()["resources"]["core"]
    assert (core["used"], core["remaining"]) == (
        int(first.headers["X-RateLimit-Used"]),
        int(first.headers["X-RateLimit-Remaining"]),
    )
    assert core["limit"] == core["used"] + core["remaining"]


def test_reached_rate_limit_refuses_that_person_alone(tmp_path: Path) -> None:
    running = conftest.start(tmp_path / "data", "--requests-per-hour", "3")
    try:
        client = running.client("ada")
        for _ in range(3):
            client.get_user("ada")
        with pytest.raises(RateLimitExceededException) as refused:
            client.get_user("ada")
        assert refused.value.status == 403
        refusal = running.call("GET", "/users/ada", "ada").headers
        assert (refusal["X-RateLimit-Remaining"], refusal["X-RateLimit-Used"]) == ("0", "3")
        assert client.get_rate_limit().resources.core.remaining == 0
        assert running.call("GET", "/users/ada").status_code == 200
    finally:
        assert conftest.stop(running) == 0


def test_repository_is_edited_renamed_and_deleted(project: Project) -> None:
    project.branch("trunk", {"a.txt": "a\n"})
    project.ada.edit(default_branch="trunk", description="Text")
    assert (project.ada.default_branch, project.ada.description) == ("trunk", "Text")
    old = project.ada.name
    project.ada.edit(name=f"{old}-renamed")
    assert project.forge.client("ada").get_repo(f"ada/{old}-renamed").get_branch("trunk")
    with pytest.raises(GithubException) as taken:
        project.forge.client("ada").get_user().create_repo(f"{old}-RENAMED")
    assert taken.value.status == 422 and "already exists" in str(taken.value.data)
    project.forge.client("ada").get_repo(f"ada/{old}-renamed").delete()
    assert project.forge.call("GET", f"/repos/ada/{old}-renamed", "ada").status_code == 404


def test_second_forge_on_the_same_folder_says_so(forge: Forge) -> None:
    secret = forge.data.parent / f"{forge.data.name}.token"
    command = [sys.executable, "-m", "forge", "--data", str(forge.data), "--admin-token-file", str(secret)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "another forge already serves" in done.stderr


def test_missing_token_file_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forge", "--data", str(tmp_path), "--admin-token-file", "/nonexistent/t"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2 and "/nonexistent/t" in done.stderr


def test_merge_cut_short_after_the_push_is_finished_at_the_next_look(tmp_path: Path) -> None:
    """The state that a kill between moving the branch and recording it leaves is made by hand."""
    import sqlite3

    running = conftest.start(tmp_path / "data")
    ada = running.client("ada").get_user().create_repo("cut")
    clone = tmp_path / "clone"
    clone.mkdir()
    conftest.git(clone, "init", "-q")
    work = Project(forge=running, ada=ada, bob=ada, clone=clone)
    work.commit("main", {"a.txt": "a\n"})
    work.push("main", login="ada")
    work.commit("feature", {"b.txt": "b\n"})
    work.push("feature", login="ada")
    issue = ada.create_issue(title="Bug")
    pull = ada.create_pull(base="main", head="feature", title="F", body=f"Fixes #{issue.number}")
    done = pull.merge(merge_method="squash")
    assert conftest.stop(running) == 0
    with sqlite3.connect(tmp_path / "data" / "forge.sqlite3") as db:
        db.execute("UPDATE pulls SET merged_at = NULL")
        db.execute("UPDATE issues SET state = 'open', closed_at = NULL, closed_by = NULL")
    db.close()
    again = conftest.start(tmp_path / "data")
    try:
        again.tokens = running.tokens
        repo = again.client("ada").get_repo("ada/cut")
        shown = repo.get_pull(pull.number)
        assert shown.merged and shown.merge_commit_sha == done.sha
        assert repo.get_issue(issue.number).state == "closed"
        assert repo.get_branch("main").commit.sha == done.sha
    finally:
        assert conftest.stop(again) == 0


def test_clients_that_keep_their_connections_keep_nobody_out(forge: Forge) -> None:
    host, port = forge.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        for _ in range(150):
            connection = stack.enter_context(socket.create_connection((host, int(port)), 30))
            connection.sendall(b"GET /api/v3/meta HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 ")
        assert requests.get(f"{forge.api}/meta", timeout=20).status_code == 200
