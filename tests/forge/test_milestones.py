"""Milestones through PyGithub, with their webhooks, counts and permissions."""

from datetime import UTC, datetime

import pytest
from github import GithubException

from tests.forge.conftest import Project, Receiver


def hooked(project: Project, receiver: Receiver) -> None:
    config = {"url": receiver.url, "content_type": "json"}
    project.ada.create_hook("web", config, ["milestone", "issues", "pull_request"])
    receiver.take("ping")


def test_milestone_is_made_edited_closed_and_deleted(project: Project, receiver: Receiver) -> None:
    hooked(project, receiver)
    due = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    made = project.bob.create_milestone("v1", description="First", due_on=due)
    assert (made.number, made.state, made.creator.login, made.due_on) == (1, "open", "bob", due)
    assert receiver.take("milestone", "created").json["milestone"]["title"] == "v1"
    made.edit("v1.0", state="closed", description="Words")
    assert receiver.take("milestone", "edited").json["changes"]["title"] == {"from": "v1"}
    assert receiver.take("milestone", "closed").json["milestone"]["closed_at"]
    assert list(project.ada.get_milestones()) == []
    assert [each.title for each in project.ada.get_milestones(state="all")] == ["v1.0"]
    project.ada.get_milestone(1).edit("v1.0", state="open")
    receiver.take("milestone", "opened")
    project.ada.get_milestone(1).delete()
    receiver.take("milestone", "deleted")
    with pytest.raises(GithubException) as gone:
        project.ada.get_milestone(1)
    assert gone.value.status == 404
    assert project.bob.create_milestone("v1.0").number == 2, "a number is used once"


def test_issues_and_pull_requests_are_gathered_counted_and_found(project: Project, receiver: Receiver) -> None:
    hooked(project, receiver)
    one, two = project.bob.create_milestone("one"), project.bob.create_milestone("two")
    issue = project.bob.create_issue(title="A", milestone=one, labels=["x"])
    assert receiver.take("issues", "milestoned").json["issue"]["milestone"]["title"] == "one"
    other = project.bob.create_issue(title="B")
    project.branch("feature", {"a.txt": "a\n"})
    pull = project.bob.create_pull(base="main", head="feature", title="F")
    pull.as_issue().edit(milestone=one)
    told = receiver.take("pull_request", "milestoned").json
    assert (told["milestone"]["number"], told["pull_request"]["milestone"]["open_issues"]) == (1, 2)
    assert pull.milestone is None and project.ada.get_pull(pull.number).milestone.title == "one"
    issue.edit(state="closed")
    shown = project.ada.get_milestone(1)
    assert (shown.open_issues, shown.closed_issues) == (1, 1)
    assert [label.name for label in shown.get_labels()] == ["x"]

    def under(milestone: object) -> set[int]:
        return {each.number for each in project.ada.get_issues(state="all", milestone=milestone)}

    assert (under(shown), under("none"), under("*")) == ({1, 3}, {2}, {1, 3})
    issue.edit(milestone=two)
    assert receiver.take("issues", "demilestoned").json["milestone"]["title"] == "one"
    assert receiver.take("issues", "milestoned").json["milestone"]["title"] == "two"
    issue.edit(milestone=None)
    assert receiver.take("issues", "demilestoned").json["issue"]["milestone"] is None
    done = [each.title for each in project.ada.get_milestones(sort="completeness", direction="desc")]
    assert sorted(done) == ["one", "two"]
    shown.delete()
    assert project.ada.get_pull(pull.number).milestone is None and other.milestone is None


def test_milestones_come_by_date_and_in_pages(project: Project) -> None:
    for number, day in enumerate((3, 1, None, 2)):
        due = {"due_on": f"2030-01-0{day}T00:00:00Z"} if day else {}
        path = f"/repos/{project.name}/milestones"
        assert project.forge.call("POST", path, "bob", json={"title": f"m{number}", **due}).status_code == 201
    assert [each.title for each in project.ada.get_milestones()] == ["m1", "m3", "m0", "m2"]
    first = project.forge.call("GET", path, "bob", params={"per_page": 3})
    assert (len(first.json()), set(first.links)) == (3, {"next", "last"})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "title"),
        ({"title": " "}, "title"),
        ({"title": "taken"}, "title"),
        ({"title": "x", "due_on": "soon"}, "due_on"),
        ({"title": "x", "state": "done"}, "state"),
        ({"title": "x", "description": 7}, "description"),
    ],
)
def test_unacceptable_milestone_is_refused_naming_the_field(
    project: Project, fields: dict[str, object], field: str
) -> None:
    project.bob.create_milestone("taken")
    answer = project.forge.call("POST", f"/repos/{project.name}/milestones", "bob", json=fields)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert project.ada.get_milestones(state="all").totalCount == 1


def test_milestones_are_changed_by_writers_and_seen_by_readers(project: Project) -> None:
    base = f"/repos/{project.name}"
    project.bob.create_milestone("v1")
    assert project.forge.call("GET", f"{base}/milestones/1").status_code == 200
    assert project.forge.call("POST", f"{base}/milestones", json={"title": "x"}).status_code == 401
    for method, path in (("POST", "/milestones"), ("PATCH", "/milestones/1"), ("DELETE", "/milestones/1")):
        assert project.forge.call(method, base + path, "carol", json={"title": "x"}).status_code == 403
    wanted = {"title": "A", "milestone": 1}
    made = project.forge.call("POST", f"{base}/issues", "carol", json=wanted)
    assert (made.status_code, made.json()["milestone"]) == (201, None), "dropped for those without triage"
    unknown = project.forge.call("POST", f"{base}/issues", "bob", json={"title": "A", "milestone": 9})
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "milestone")
    assert project.forge.call("GET", f"{base}/issues", "bob", params={"milestone": "x"}).status_code == 422
    project.ada.edit(private=True)
    for login in (None, "carol"):
        assert project.forge.call("GET", f"{base}/milestones", login).status_code == 404
