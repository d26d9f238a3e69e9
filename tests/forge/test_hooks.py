"""Webhooks: what is sent, how it is signed, what the log says, what a crash leaves."""

import hashlib
import hmac
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import requests
from github import GithubException
from hypothesis import given
from hypothesis import strategies as st

from forge.actions.pushes import made
from forge.store.moves import Move
from forge.webhooks import signature
from tests.forge import conftest
from tests.forge.conftest import Project, Receiver

ALL = [
    "push",
    "create",
    "delete",
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "status",
]


def hooked(project: Project, receiver: Receiver, path: str = "/") -> int:
    """A hook for everything; the ping has arrived."""
    config = {"url": receiver.url + path, "content_type": "json", "secret": "s3cret"}
    hook = project.ada.create_hook("web", config, ALL)
    ping = receiver.take("ping")
    assert ping.json["hook_id"] == hook.id
    return hook.id


def test_deliveries_are_signed_and_carry_their_ids(project: Project, receiver: Receiver) -> None:
    hooked(project, receiver)
    project.bob.create_issue(title="One", labels=["roadcrew"])
    got = receiver.take("issues", "opened")
    expected = "sha256=" + hmac.new(b"s3cret", got.body, hashlib.sha256).hexdigest()
    assert got.headers["X-Hub-Signature-256"] == expected
    assert len(got.headers["X-GitHub-Delivery"]) == 36
    assert got.json["issue"]["title"] == "One"
    assert got.json["sender"]["login"] == "bob"
    assert got.json["repository"]["full_name"] == project.name
    assert receiver.take("issues", "labeled").json["label"]["name"] == "roadcrew"
    project.bob.get_issue(1).add_to_assignees("ada")
    assert receiver.take("issues", "assigned").json["assignee"]["login"] == "ada"
    project.bob.get_issue(1).edit(state="closed", assignees=[])
    receiver.take("issues", "closed")
    receiver.take("issues", "unassigned")


def test_documented_signature_example() -> None:
    # The example of GitHub's page on validating webhook deliveries.
    value = signature("It's a Secret to Everybody", b"Hello, World!")
    assert value == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_every_step_of_a_pull_request_is_told(project: Project, receiver: Receiver) -> None:
    hooked(project, receiver)
    project.branch("feature", {"app.py": "one\n2\nthree\n"})
    assert receiver.take("create").json["ref"] == "feature"
    pull = project.bob.create_pull(base="main", head="feature", title="F")
    assert receiver.take("pull_request", "opened").json["pull_request"]["head"]["ref"] == "feature"
    sha = project.commit("feature", {"b.txt": "b\n"})
    project.push("feature")
    push = receiver.take("push").json
    assert (push["ref"], push["after"], push["commits"][0]["id"]) == ("refs/heads/feature", sha, sha)
    moved = receiver.take("pull_request", "synchronize").json
    assert (moved["after"], moved["number"]) == (sha, pull.number)
    project.bob.get_commit(sha).create_status("success", context="ci")
    assert receiver.take("status").json["state"] == "success"
    pull.create_issue_comment("/roadcrew status")
    assert receiver.take("issue_comment", "created").json["issue"]["pull_request"]
    seen = project.ada.get_pull(pull.number)
    seen.create_review(event="APPROVE", body="Good")
    assert receiver.take("pull_request_review", "submitted").json["review"]["state"] == "approved"
    seen.create_review_comment("Hm", project.ada.get_commit(sha), "app.py", line=2)
    assert receiver.take("pull_request_review_comment", "created").json["comment"]["path"] == "app.py"
    seen.merge()
    closed = receiver.take("pull_request", "closed").json["pull_request"]
    assert closed["merged"] is True and closed["merged_by"]["login"] == "ada"
    assert receiver.take("push").json["ref"] == "refs/heads/main"


def test_delivery_log_and_redelivery_repeat_the_guid(project: Project, receiver: Receiver) -> None:
    key = hooked(project, receiver, "/broken")
    project.bob.create_issue(title="One")
    first = receiver.take("issues", "opened")
    hook = project.ada.get_hook(key)
    receiver_answered = next(each for each in deliveries(project, key) if each["event"] == "issues")
    assert receiver_answered["guid"] == first.headers["X-GitHub-Delivery"]
    path = f"/repos/{project.name}/hooks/{key}/deliveries/{receiver_answered['id']}"
    full = project.forge.call("GET", path, "ada").json()
    assert (full["status_code"], full["response"]["payload"]) == (500, "thanks")
    assert full["request"]["payload"]["action"] == "opened"
    assert project.forge.call("POST", f"{path}/attempts", "ada").status_code == 202
    again = receiver.take("issues", "opened")
    assert again.headers["X-GitHub-Delivery"] == first.headers["X-GitHub-Delivery"]
    assert again.body == first.body
    hook.edit("web", {"url": receiver.url, "content_type": "form"}, events=["push"], active=False)
    assert project.ada.get_hook(key).active is False
    hook.delete()
    assert list(project.ada.get_hooks()) == []


def deliveries(project: Project, key: int) -> list[dict[str, str]]:
    """The log once nothing waits any more."""
    for _ in range(200):
        rows: list[dict[str, str]] = project.forge.call(
            "GET", f"/repos/{project.name}/hooks/{key}/deliveries", "ada"
        ).json()
        if all(row["status"] != "pending" for row in rows):
            return rows
    raise AssertionError("a delivery is still pending")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://x", "http://", "http://a b/", "http://x:99999/"])
def test_hook_address_must_be_http(project: Project, url: str) -> None:
    with pytest.raises(GithubException) as refused:
        project.ada.create_hook("web", {"url": url}, ["push"])
    assert refused.value.status == 422


def test_hooks_are_for_admins(project: Project) -> None:
    with pytest.raises(GithubException) as refused:
        project.bob.create_hook("web", {"url": "http://127.0.0.1:1"}, ["push"])
    assert refused.value.status == 403


def test_killed_forge_keeps_everything_and_sends_what_was_queued(tmp_path: Path, receiver: Receiver) -> None:
    running = conftest.start(tmp_path / "data")
    repo = running.client("ada").get_user().create_repo("kept")
    repo.create_hook("web", {"url": receiver.url, "content_type": "json"}, ["issues"])
    receiver.take("ping")
    repo.create_issue(title="Survives")
    running.process.kill()
    running.process.wait()
    assert running.process.stdout is not None
    running.process.stdout.close()
    again = conftest.start(tmp_path / "data")
    try:
        again.tokens = running.tokens
        assert again.client("ada").get_repo("ada/kept").get_issue(1).title == "Survives"
        assert receiver.take("issues", "opened").json["issue"]["number"] == 1
        assert json.loads(requests.get(f"{again.url}/healthz", timeout=60).text) == {"status": "ok"}
    finally:
        assert conftest.stop(again) == 0


def test_a_database_that_takes_no_writes_for_a_while_stops_no_webhooks(project: Project, receiver: Receiver) -> None:
    key = hooked(project, receiver)
    assert len(deliveries(project, key)) == 1
    full = "CREATE TRIGGER full BEFORE UPDATE ON deliveries BEGIN SELECT RAISE(ABORT, 'no space'); END"
    with closing(sqlite3.connect(project.forge.data / "forge.sqlite3", timeout=20)) as db:
        db.execute(full)
        try:
            project.bob.create_issue(title="One")
            receiver.take("issues", "opened")
            project.bob.create_issue(title="Two")
        finally:
            db.execute("DROP TRIGGER full")
    assert receiver.take("issues", "opened").json["issue"]["title"] == "Two"
    assert [row["status"] for row in deliveries(project, key)] == ["OK"] * 3
    assert receiver.inbox.empty(), "what was sent is not sent again"


def test_push_whose_forge_was_killed_before_telling_is_told_after_the_next_start(
    tmp_path: Path, receiver: Receiver
) -> None:
    """The state that a kill between moving a branch and telling of it leaves is made by hand."""
    running = conftest.start(tmp_path / "data")
    work = conftest.made_project(running, tmp_path, "cut")
    work.ada.create_hook("web", {"url": receiver.url, "content_type": "json"}, ["push", "create", "pull_request"])
    receiver.take("ping")
    work.branch("feature", {"a.txt": "a\n"})
    pull = work.bob.create_pull(base="main", head="feature", title="F")
    receiver.take("pull_request", "opened")
    old = pull.head.sha
    middle, new = work.commit("feature", {"b.txt": "b\n"}), work.commit("feature", {"c.txt": "c\n"})
    assert conftest.stop(running) == 0
    (folder,) = (tmp_path / "data" / "git").glob("*.git")
    conftest.git(work.clone, "push", "-q", str(folder), "feature")
    with sqlite3.connect(tmp_path / "data" / "forge.sqlite3") as db:
        (bob,) = db.execute("SELECT id FROM users WHERE login = 'bob'").fetchone()
        lost = [("feature", old, middle), ("feature", middle, new), ("never", "0" * 40, middle)]
        rows = [(bob, f"refs/heads/{name}", before, after) for name, before, after in lost]
        db.executemany("INSERT INTO moves (repo_id, user_id, ref, old, new) VALUES (1, ?, ?, ?, ?)", rows)
    db.close()
    again = conftest.start(tmp_path / "data")
    try:
        first, second = receiver.take("push").json, receiver.take("push").json
        assert [(each["before"], each["after"]) for each in (first, second)] == [(old, middle), (middle, new)]
        assert (first["pusher"]["name"], second["sender"]["login"]) == ("bob", "bob")
        assert receiver.inbox.empty()
    finally:
        assert conftest.stop(again) == 0
    with sqlite3.connect(tmp_path / "data" / "forge.sqlite3") as db:
        assert db.execute("SELECT count(*) FROM moves").fetchone() == (0,)
    db.close()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.lists(st.booleans(), min_size=8, max_size=8))
def test_noted_moves_that_happened_are_told_apart_from_those_that_did_not(tips: list[int], done: list[bool]) -> None:
    """Moves that were carried out form a chain to the tip; one that was refused would break it."""
    rows, at, expected = [], "start", []
    for key, (number, happened) in enumerate(zip(tips, done, strict=False)):
        new = f"{key}-{number}"
        rows.append(Move(id=key, repo_id=1, user_id=1, ref="r", old=at, new=new))
        if happened:
            expected.append(key)
            at = new
    assert [each.id for each in made(rows, at)] == expected
