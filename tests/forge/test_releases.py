"""Releases through PyGithub, with their tags, webhooks and permissions."""

import pytest
from github import GithubException

from tests.forge.conftest import Project, Receiver, git


def hooked(project: Project, receiver: Receiver) -> None:
    config = {"url": receiver.url, "content_type": "json"}
    project.ada.create_hook("web", config, ["release", "create"])
    receiver.take("ping")


def test_release_is_published_with_its_tag(project: Project, receiver: Receiver) -> None:
    hooked(project, receiver)
    head = project.branch("next", {"a.txt": "a\n"})
    made = project.bob.create_git_release("v1.0", "One", "Words", target_commitish="next")
    assert (made.tag_name, made.draft, made.author.login) == ("v1.0", False, "bob")
    assert receiver.take("create").json["ref"] == "next"
    assert receiver.take("create").json["ref"] == "v1.0"
    told = [receiver.take("release").json["action"] for _ in range(3)]
    assert told == ["created", "published", "released"]
    assert project.ada.get_git_ref("tags/v1.0").object.sha == head
    assert head in git(project.clone, "ls-remote", project.forge.remote(project.name, "bob"), "refs/tags/v1.0")
    by_tag, latest = project.ada.get_release("v1.0"), project.ada.get_latest_release()
    assert {by_tag.id, latest.id, project.ada.get_release(made.id).id} == {made.id}
    assert (by_tag.body, by_tag.name, list(by_tag.get_assets())) == ("Words", "One", [])
    with pytest.raises(GithubException) as again:
        project.bob.create_git_release("v1.0", "Again", "")
    assert (again.value.status, again.value.data["errors"][0]["code"]) == (422, "already_exists")


def test_draft_is_seen_by_writers_and_tagged_when_it_is_published(project: Project, receiver: Receiver) -> None:
    hooked(project, receiver)
    base = f"/repos/{project.name}/releases"
    draft = project.bob.create_git_release("v2", "Two", "Soon", draft=True)
    assert receiver.take("release").json["action"] == "created"
    assert draft.published_at is None and list(project.ada.get_tags()) == []
    for login, seen in (("ada", 200), ("carol", 404), (None, 404)):
        assert project.forge.call("GET", f"{base}/{draft.id}", login).status_code == seen
    assert project.forge.call("GET", base, "carol").json() == []
    assert [each.id for each in project.ada.get_releases()] == [draft.id]
    with pytest.raises(GithubException):
        project.ada.get_latest_release()
    draft.update_release("Two!", "Now", draft=False)
    edited = receiver.take("release", "edited").json
    assert edited["changes"] == {"name": {"from": "Two"}, "body": {"from": "Soon"}}
    assert [receiver.take("release").json["action"] for _ in range(2)] == ["published", "released"]
    assert [each.name for each in project.ada.get_tags()] == ["v2"]
    assert project.forge.call("GET", f"{base}/latest").json()["published_at"]
    project.bob.create_git_release("v1", "Later", "", draft=True)
    first = project.bob.create_git_release("v3", "Three", "").id
    assert project.ada.get_latest_release().id == first
    (drafted,) = (each for each in project.ada.get_releases() if each.draft)
    drafted.update_release("Later", "", draft=False)
    assert project.ada.get_latest_release().id == drafted.id, "what is published last, not what was drafted last"
    project.forge.call("PATCH", f"{base}/{draft.id}", "bob", json={"draft": True})
    receiver.take("release", "unpublished")
    project.ada.get_release(draft.id).delete_release()
    receiver.take("release", "deleted")
    assert [each.name for each in project.ada.get_tags()] == ["v1", "v2", "v3"], "a release goes without its tag"


def test_latest_is_neither_a_prerelease_nor_one_that_must_not_be(project: Project, receiver: Receiver) -> None:
    hooked(project, receiver)
    base = f"/repos/{project.name}/releases"
    sent: list[dict[str, object]] = [{}, {"prerelease": True}, {"make_latest": "false"}]
    for number, more in enumerate(sent, 1):
        answer = project.forge.call("POST", base, "bob", json={"tag_name": f"v{number}", **more})
        assert answer.status_code == 201, answer.text
    receiver.take("release", "prereleased")
    assert project.ada.get_latest_release().tag_name == "v1"
    prerelease = project.forge.call("GET", f"{base}/tags/v2").json()
    project.forge.call("PATCH", f"{base}/{prerelease['id']}", "bob", json={"prerelease": False})
    assert receiver.take("release", "edited").json["release"]["tag_name"] == "v2"
    receiver.take("release", "released")
    assert project.ada.get_latest_release().tag_name == "v2"
    first = project.forge.call("GET", base, params={"per_page": 2})
    assert ([each["tag_name"] for each in first.json()], set(first.links)) == (["v3", "v2"], {"next", "last"})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "tag_name"),
        ({"tag_name": "a..b"}, "tag_name"),
        ({"tag_name": "v1", "target_commitish": "nowhere"}, "target_commitish"),
        ({"tag_name": "v1", "draft": "yes"}, "draft"),
        ({"tag_name": "v1", "make_latest": True}, "make_latest"),
        ({"tag_name": "v1", "generate_release_notes": True}, "generate_release_notes"),
    ],
)
def test_unacceptable_release_is_refused_naming_the_field(
    project: Project, fields: dict[str, object], field: str
) -> None:
    answer = project.forge.call("POST", f"/repos/{project.name}/releases", "bob", json=fields)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert list(project.ada.get_tags()) == []


def test_releases_are_changed_by_writers_and_seen_by_readers(project: Project) -> None:
    base = f"/repos/{project.name}/releases"
    made = project.bob.create_git_release("v1", "One", "")
    assert project.forge.call("POST", base, json={"tag_name": "v2"}).status_code == 401
    for method, path in (("POST", base), ("PATCH", f"{base}/{made.id}"), ("DELETE", f"{base}/{made.id}")):
        assert project.forge.call(method, path, "carol", json={"tag_name": "v2"}).status_code == 403
    assert project.forge.call("GET", f"{base}/tags/v2").status_code == 404
    project.ada.edit(private=True)
    for login in (None, "carol"):
        for path in ("", "/latest", "/tags/v1", f"/{made.id}"):
            assert project.forge.call("GET", base + path, login).status_code == 404
