"""Issues, comments, labels and reactions through PyGithub."""

import pytest
from github import GithubException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge.actions.merging import closing_numbers
from tests.forge.conftest import Project


def test_issue_is_filed_listed_edited_and_closed(project: Project) -> None:
    issue = project.bob.create_issue(title="  A\n title ", body="Text with **bold**", labels=["roadcrew"])
    assert (issue.number, issue.title, issue.user.login) == (1, "A title", "bob")
    assert [label.name for label in issue.labels] == ["roadcrew"]
    issue.edit(title="B", body="", state="closed", state_reason="not_planned")
    shown = project.ada.get_issue(1)
    assert (shown.title, shown.state, shown.state_reason) == ("B", "closed", "not_planned")
    assert shown.closed_by is not None and shown.closed_by.login == "bob"
    assert list(project.ada.get_issues()) == []
    assert [each.number for each in project.ada.get_issues(state="all", labels=["roadcrew"])] == [1]
    assert list(project.ada.get_issues(state="all", labels=["other"])) == []


def test_issue_is_assigned_to_those_who_may_work_on_it(project: Project) -> None:
    issue = project.bob.create_issue(title="One", assignees=["bob"])
    assert [each.login for each in issue.assignees] == ["bob"]
    issue.add_to_assignees("ada", "carol")
    assert {each.login for each in project.ada.get_issue(1).assignees} == {"ada", "bob"}
    issue.remove_from_assignees("bob")
    assert [each.login for each in project.ada.get_issue(1).assignees] == ["ada"]
    project.bob.create_issue(title="Two")
    found = {who: [each.number for each in project.ada.get_issues(assignee=who)] for who in ("ada", "bob", "none", "*")}
    assert found == {"ada": [1], "bob": [], "none": [2], "*": [1]}
    issue.edit(assignees=[])
    assert project.ada.get_issue(1).assignees == []
    assert {each.login for each in project.ada.get_assignees()} == {"ada", "bob"}
    assert project.ada.has_in_assignees("bob") and not project.ada.has_in_assignees("carol")


def test_issues_and_pull_requests_share_their_numbers(project: Project) -> None:
    project.branch("feature", {"a.txt": "a\n"})
    assert project.bob.create_issue(title="One").number == 1
    assert project.bob.create_pull(base="main", head="feature", title="Two").number == 2
    assert project.bob.create_issue(title="Three").number == 3


def test_comment_is_made_edited_and_deleted(project: Project) -> None:
    issue = project.bob.create_issue(title="One")
    comment = issue.create_comment("<!-- marker -->\nHello")
    comment.edit("Changed")
    assert [each.body for each in issue.get_comments()] == ["Changed"]
    assert issue.get_comment(comment.id).user.login == "bob"
    comment.create_reaction("eyes")
    comment.create_reaction("eyes")
    assert [each.content for each in comment.get_reactions()] == ["eyes"]
    comment.delete()
    assert list(issue.get_comments()) == []


def test_labels_of_repository_and_issue_change(project: Project) -> None:
    project.bob.create_label("bug", "FF0000", "It is broken")
    issue = project.bob.create_issue(title="One")
    issue.add_to_labels("bug", "new one")
    assert {label.name for label in issue.get_labels()} == {"bug", "new one"}
    issue.remove_from_labels("new one")
    issue.set_labels("bug")
    project.ada.get_label("bug").edit("defect", "00ff00")
    assert [(each.name, each.color) for each in issue.get_labels()] == [("defect", "00ff00")]
    issue.delete_labels()
    assert list(issue.get_labels()) == []
    with pytest.raises(GithubException) as refused:
        project.bob.create_label("DEFECT", "000000")
    assert refused.value.status == 422


def test_long_lists_come_in_pages(project: Project) -> None:
    issue = project.bob.create_issue(title="One")
    for number in range(33):
        issue.create_comment(str(number))
    assert [each.body for each in issue.get_comments()] == [str(number) for number in range(33)]
    assert issue.get_comments().totalCount == 33
    path = f"/repos/{project.name}/issues/1/comments"
    middle = project.forge.call("GET", path, "bob", params={"per_page": 10, "page": 2})
    assert len(middle.json()) == 10
    assert set(middle.links) == {"next", "last", "prev", "first"}
    assert "page=4" in middle.links["last"]["url"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 257}, "title"),
        ({"title": "x", "body": "y" * 65537}, "body"),
        ({"title": "x", "body": "y" * 1_000_000}, "body"),
        ({"title": "x", "body": "nul \0 here"}, "body"),
        ({"title": "x", "body": "half \ud800 pair"}, "body"),
        ({"title": 7}, "title"),
        ({"title": "x", "labels": [7]}, "labels"),
        ({"title": "x", "assignees": ["nobody"]}, "assignees"),
        ({}, "title"),
    ],
)
def test_unacceptable_issue_is_refused_naming_the_field(
    project: Project, fields: dict[str, object], field: str
) -> None:
    answer = project.forge.call("POST", f"/repos/{project.name}/issues", "bob", json=fields)
    assert answer.status_code == 422
    body = answer.json()
    assert body["message"] == "Validation Failed"
    assert body["errors"][0]["field"] == field
    assert "documentation_url" in body


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00binary", b"{", b"[" * 100_000, b'{"title": NaN', b"[]"])
def test_body_that_is_not_a_json_object_is_a_bad_request(project: Project, raw: bytes) -> None:
    answer = project.forge.call("POST", f"/repos/{project.name}/issues", "bob", data=raw)
    assert answer.status_code == 400
    assert list(project.ada.get_issues(state="all")) == []


def test_control_characters_and_markup_come_back_as_they_were(project: Project) -> None:
    text = "\x1b[31mred\x07 <script>alert(1)</script> \u202etxt.exe 🦊 'quote' --"
    issue = project.bob.create_issue(title="T " + text, body=text)
    assert project.ada.get_issue(issue.number).body == text


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=300))
def test_any_body_survives_the_round_trip(project: Project, text: str) -> None:
    issue = project.bob.create_issue(title="T", body=text)
    assert project.ada.get_issue(issue.number).body == text


def test_closing_words_are_found_for_this_repository_only() -> None:
    body = "Fixes #1, closes: #2\nresolved ada/x#3 fix other/y#4 prefixes #5 fixes #1"
    assert closing_numbers(body, "Ada/X") == [1, 2, 3]
    assert closing_numbers("see #7", "ada/x") == []


def test_who_labelled_closed_and_reopened_an_issue_is_told_in_order(project: Project) -> None:
    issue = project.bob.create_issue(title="One", labels=["roadcrew"])
    project.ada.get_issue(1).set_labels("bug", "roadcrew")
    issue.remove_from_labels("roadcrew")
    issue.edit(state="closed")
    issue.edit(state="open")
    project.ada.get_issue(1).add_to_labels("roadcrew")
    told = [(each.event, each.actor.login, each.label.name if each.label else None) for each in issue.get_events()]
    assert told == [
        ("labeled", "bob", "roadcrew"),
        ("labeled", "ada", "bug"),
        ("unlabeled", "bob", "roadcrew"),
        ("closed", "bob", None),
        ("reopened", "bob", None),
        ("labeled", "ada", "roadcrew"),
    ]


def test_label_changes_an_issue_only_where_it_comes_or_goes(project: Project) -> None:
    issue = project.bob.create_issue(title="One", labels=["bug"])
    issue.set_labels("bug")
    assert [each.event for each in issue.get_events()] == ["labeled"]
