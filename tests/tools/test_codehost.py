"""The code host's calls against a real forge."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.tools.code_host import Forge
from tools.codehost import (
    CodeHost,
    CodeHostConflict,
    CodeHostInvalid,
    CodeHostNotFound,
    CodeHostRefused,
)
from tools.codehost.text import BODY_LIMIT

KICKOFF = "<!-- roadcrew:kickoff:F-1 -->"


def with_pull(forge: Forge, branch: str = "feature/F-1") -> tuple[CodeHost, int, str]:
    """A repository with an open pull request of one file; its number and head."""
    host = forge.new_repository()
    base = host.branch_head("main")
    assert base is not None
    host.ensure_branch(branch, base)
    head = forge.commit(host, branch, "a.txt", "one\ntwo\n")
    pull = host.upsert_pull_request(branch, "main", "Add a", "It adds a.")
    assert pull.head_sha == head
    return host, pull.number, head


def test_a_repository_is_made_once_and_told(forge: Forge) -> None:
    host = forge.host("team", "team/made-once")
    with pytest.raises(CodeHostNotFound, match="team/made-once"):
        host.repository()
    made = host.ensure_repository(private=True)
    assert host.ensure_repository(private=False) == made == host.repository()
    assert (made.full_name, made.default_branch, made.private) == ("team/made-once", "main", True)
    assert made.clone_url.endswith("/team/made-once.git")
    assert forge.token("team") not in made.clone_url


def test_the_viewer_is_the_tokens_owner_or_the_given_one(forge: Forge) -> None:
    assert forge.host("team", "team/x").viewer() == "team"
    assert forge.host("team", "team/x", viewer="app[bot]").viewer() == "app[bot]"


def test_permissions_fail_closed(forge: Forge) -> None:
    host = forge.new_repository()
    forge.token("reader"), forge.token("writer"), forge.token("stranger")
    for person, level in (("reader", "pull"), ("writer", "push")):
        forge.as_person("team", host, "PUT", f"/collaborators/{person}", {"permission": level})
    found = {name: host.permission(name) for name in ("team", "writer", "reader", "stranger", "nobody", "", "a/b")}
    assert found == {
        "team": "admin",
        "writer": "write",
        "reader": "read",
        "stranger": "none",
        "nobody": "none",
        "": "none",
        "a/b": "none",
    }


def test_an_issue_is_made_read_listed_and_closed(forge: Forge) -> None:
    host = forge.new_repository()
    made = host.create_issue("Add tags", "Posts have tags.", ["roadcrew"])
    other = host.create_issue("Another", "")
    assert host.issue(made.number) == made
    assert (made.title, made.body, made.author, made.labels) == ("Add tags", "Posts have tags.", "team", ("roadcrew",))
    assert [issue.number for issue in host.list_issues("roadcrew")] == [made.number]
    assert {issue.number for issue in host.list_issues()} == {made.number, other.number}
    assert host.list_issues(since=datetime.now(UTC) + timedelta(hours=1)) == []
    host.close_issue(made.number)
    host.close_issue(made.number)
    assert host.issue(made.number).state == "closed"
    assert host.list_issues("roadcrew") == []


def test_pull_requests_are_not_listed_as_issues(forge: Forge) -> None:
    host, number, _ = with_pull(forge)
    assert host.list_issues() == []
    assert host.issue(number).is_pull_request


def test_a_marked_comment_is_one_comment_however_often_it_is_written(forge: Forge) -> None:
    host = forge.new_repository()
    number = host.create_issue("Add tags", "").number
    first = host.upsert_comment(number, KICKOFF, "It begins.")
    same = host.upsert_comment(number, KICKOFF, "It begins.")
    later = host.upsert_comment(number, KICKOFF, "It goes on.")
    host.upsert_comment(number, "<!-- roadcrew:kickoff:F-10 -->", "another")
    assert first.id == same.id == later.id
    assert [comment.body for comment in host.comments(number)] == [
        f"{KICKOFF}\nIt goes on.",
        "<!-- roadcrew:kickoff:F-10 -->\nanother",
    ]


def test_a_marker_in_somebody_elses_comment_is_not_ours(forge: Forge) -> None:
    host = forge.new_repository()
    number = host.create_issue("Add tags", "").number
    forge.token("guest")
    forge.as_person("team", host, "PUT", "/collaborators/guest", {"permission": "push"})
    forge.as_person("guest", host, "POST", f"/issues/{number}/comments", {"body": f"{KICKOFF}\nmine"})
    host.upsert_comment(number, KICKOFF, "ours")
    assert [(comment.author, comment.body.split("\n")[1]) for comment in host.comments(number)] == [
        ("guest", "mine"),
        ("team", "ours"),
    ]


def test_a_wrong_marker_is_refused(forge: Forge) -> None:
    for marker in ("", "kickoff", "<!-- other:x -->", "<!-- roadcrew:a b -->"):
        with pytest.raises(ValueError, match="is no marker"):
            forge.host("team", "team/x").upsert_comment(1, marker, "text")


def test_reactions_and_labels_can_be_repeated(forge: Forge) -> None:
    host = forge.new_repository()
    number = host.create_issue("Add tags", "").number
    comment = host.upsert_comment(number, KICKOFF, "It begins.")
    host.react(comment.id, "eyes")
    host.react(comment.id, "eyes")
    host.add_labels(number, "one", "two")
    host.add_labels(number, "two")
    host.remove_label(number, "one")
    host.remove_label(number, "one")
    assert host.issue(number).labels == ("two",)
    host.set_labels(number, ["three", "four"])
    assert set(host.issue(number).labels) == {"three", "four"}
    with pytest.raises(CodeHostNotFound):
        host.remove_label(number + 1, "one")


def test_secrets_never_go_out_and_long_texts_are_cut(forge: Forge) -> None:
    host = forge.new_repository()
    token = host.settings.token.get_secret_value()
    issue = host.create_issue(f"leak {token}", f"https://x:{token}@host/ " + "long " * 20_000)
    comment = host.upsert_comment(issue.number, KICKOFF, f"{token}\n```\n" + "x" * 2 * BODY_LIMIT)
    for text in (issue.title, issue.body, comment.body):
        assert token not in text
        assert "***" in text
    assert len(comment.body) <= BODY_LIMIT
    assert "was cut here" in comment.body
    assert comment.body.count("```") == 2
    assert host.upsert_comment(issue.number, KICKOFF, f"{token}\n```\n" + "x" * 2 * BODY_LIMIT) == comment


def test_branches_are_made_and_deleted_once(forge: Forge) -> None:
    host = forge.new_repository()
    base = host.branch_head("main")
    assert base is not None
    assert host.ensure_branch("feature/F-1", base) == base
    head = forge.commit(host, "feature/F-1", "a.txt", "a")
    assert host.ensure_branch("feature/F-1", base) == head, "a branch that is there stays as it is"
    assert host.branch_head("feature") is None
    host.delete_branch("feature/F-1")
    host.delete_branch("feature/F-1")
    assert host.branch_head("feature/F-1") is None
    with pytest.raises(CodeHostInvalid, match="cannot create branch nowhere"):
        host.ensure_branch("nowhere", "0" * 40)


def test_an_empty_repository_has_no_branch_head(forge: Forge) -> None:
    host = forge.host("team", "team/empty")
    host.ensure_repository()
    assert host.branch_head("main") is None


def test_a_pull_request_is_one_for_its_branch(forge: Forge) -> None:
    host, number, head = with_pull(forge)
    again = host.upsert_pull_request("feature/F-1", "main", "Add a and b", "It adds both.")
    assert (again.number, again.title, again.body) == (number, "Add a and b", "It adds both.")
    pull = host.pull_request(number)
    assert (pull.state, pull.merged, pull.head_ref, pull.base_ref) == ("open", False, "feature/F-1", "main")
    assert (pull.head_sha, pull.mergeable, pull.author) == (head, True, "team")
    (file,) = host.pull_request_files(number)
    assert (file.path, file.status, file.additions) == ("a.txt", "added", 2)
    assert file.patch is not None
    assert "+two" in file.patch


def test_a_pull_request_without_changes_is_refused_with_the_hosts_words(forge: Forge) -> None:
    host = forge.new_repository()
    base = host.branch_head("main")
    assert base is not None
    host.ensure_branch("same", base)
    with pytest.raises(CodeHostInvalid, match="No commits between"):
        host.upsert_pull_request("same", "main", "Nothing", "")


def test_reviews_and_their_comments_are_read_and_answered_once(forge: Forge) -> None:
    host, number, head = with_pull(forge)
    forge.token("ann")
    forge.as_person("team", host, "PUT", "/collaborators/ann", {"permission": "push"})
    host.request_review(number, ["ann"])
    remark = {"path": "a.txt", "line": 2, "side": "RIGHT", "body": "two is wrong"}
    review = {"event": "REQUEST_CHANGES", "body": "Please mend.", "commit_id": head, "comments": [remark]}
    forge.as_person("ann", host, "POST", f"/pulls/{number}/reviews", review)
    (found,) = host.reviews(number)
    assert (found.author, found.state, found.body, found.commit_id) == (
        "ann",
        "CHANGES_REQUESTED",
        "Please mend.",
        head,
    )
    (comment,) = host.review_comments(number)
    assert (comment.review_id, comment.path, comment.line, comment.body) == (found.id, "a.txt", 2, "two is wrong")
    answer = host.reply_to_review_comment(number, comment.id, "Mended.")
    assert answer.body == f"<!-- roadcrew:answer:{comment.id} -->\nMended."
    assert host.reply_to_review_comment(number, comment.id, "Mended.") == answer
    assert [one.in_reply_to for one in host.review_comments(number)] == [None, comment.id]


def test_a_status_is_set_once_and_read_back(forge: Forge) -> None:
    host, number, head = with_pull(forge)
    assert host.check_state(head).state == "none", "nothing reported is not green"
    host.set_status(head, "roadcrew/tests", "pending", "the suite runs")
    assert host.check_state(head).pending == ("roadcrew/tests",)
    for _ in range(2):
        host.set_status(head, "roadcrew/tests", "success", "12 passed " * 50, "https://ci.example/1")
    state = host.check_state(head)
    assert (state.state, state.failed, state.pending) == ("success", (), ())
    assert (state.checks[0].name, state.checks[0].url) == ("roadcrew/tests", "https://ci.example/1")
    token = host.settings.token.get_secret_value()
    history = forge.call(token, "GET", f"/repos/{host.settings.repository}/commits/{head}/statuses", {})
    assert len(history) == 2, "pending and success, the same success only once"
    host.set_status(head, "roadcrew/review", "failure", "one finding")
    assert host.check_state(head).failed == ("roadcrew/review",)
    assert number > 0


def test_a_failure_after_many_statuses_is_seen(forge: Forge) -> None:
    host, _, head = with_pull(forge)
    token = host.settings.token.get_secret_value()
    path = f"/repos/{host.settings.repository}/statuses/{head}"
    for number in range(31):  # a host tells thirty at once
        forge.call(token, "POST", path, {"state": "success" if number < 30 else "failure", "context": f"ci/{number}"})
    state = host.check_state(head)
    assert (state.state, state.failed, len(state.checks)) == ("failure", ("ci/30",), 31)


def protect(forge: Forge, host: CodeHost, contexts: list[str], approvals: int) -> None:
    rules = {
        "required_status_checks": {"strict": True, "contexts": contexts},
        "required_pull_request_reviews": {"required_approving_review_count": approvals},
        "enforce_admins": True,
        "restrictions": None,
    }
    forge.as_person("team", host, "PUT", "/branches/main/protection", rules)


def test_a_required_check_that_did_not_report_is_pending(forge: Forge) -> None:
    host, _, head = with_pull(forge)
    assert host.protection("main") is None
    assert host.protection("no-such-branch") is None
    protect(forge, host, ["ci"], 1)
    rules = host.protection("main")
    assert rules is not None
    assert (rules.required_checks, rules.required_approvals, rules.strict) == (("ci",), 1, True)
    host.set_status(head, "roadcrew/tests", "success")
    assert host.check_state(head).pending == ("ci",)
    assert host.check_state(head, base="feature/F-1").state == "success", "that branch requires nothing"


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_merge_is_done_once(forge: Forge, method: str) -> None:
    host, number, head = with_pull(forge)
    sha = host.merge(number, method, head)  # type: ignore[arg-type]  # parametrize gives plain strings
    assert host.branch_head("main") == sha
    assert host.merge(number, "merge", head) == sha
    pull = host.pull_request(number)
    assert (pull.merged, pull.state, pull.merge_sha) == (True, "closed", sha)
    again = host.upsert_pull_request("feature/F-1", "main", "Add a", "It adds a.")
    assert again.number == number, "the merged one holds the branch's head, so no new one is opened"


def test_a_merge_of_a_moved_head_or_against_protection_is_a_conflict(forge: Forge) -> None:
    host, number, head = with_pull(forge)
    forge.commit(host, "feature/F-1", "b.txt", "b")
    with pytest.raises(CodeHostConflict, match="merge pull request"):
        host.merge(number, "merge", head)
    protect(forge, host, ["ci"], 1)
    with pytest.raises(CodeHostConflict):
        host.merge(number, "merge", host.pull_request(number).head_sha)
    assert not host.pull_request(number).merged


def test_a_webhook_is_one_for_its_url(forge: Forge) -> None:
    host = forge.new_repository()
    host.ensure_webhook("http://127.0.0.1:9/hook", "secret-one", ["issues"])
    host.ensure_webhook("http://127.0.0.1:9/hook", "secret-two", ["issues", "issue_comment"])
    token = host.settings.token.get_secret_value()
    hooks = forge.call(token, "GET", f"/repos/{host.settings.repository}/hooks", {})
    assert [(hook["config"]["url"], sorted(hook["events"])) for hook in hooks] == [
        ("http://127.0.0.1:9/hook", ["issue_comment", "issues"])
    ]
    host.ensure_webhook("http://127.0.0.1:7/other", "secret", ["issues"])
    host.ensure_webhook("http://127.0.0.1:8/hook", "secret", ["issues"], re.compile(r"http://127\.0\.0\.1:\d+/hook"))
    hooks = forge.call(token, "GET", f"/repos/{host.settings.repository}/hooks", {})
    assert [hook["config"]["url"] for hook in hooks] == ["http://127.0.0.1:7/other", "http://127.0.0.1:8/hook"]


def test_more_than_one_page_is_read(forge: Forge) -> None:
    host = forge.new_repository()
    number = host.create_issue("Talk", "").number
    for count in range(103):
        forge.as_person("team", host, "POST", f"/issues/{number}/comments", {"body": f"comment {count}"})
    assert [comment.body for comment in host.comments(number)] == [f"comment {count}" for count in range(103)]


def test_without_the_right_the_action_is_refused_or_not_found(forge: Forge) -> None:
    host = forge.new_repository()
    forge.token("reader")
    forge.as_person("team", host, "PUT", "/collaborators/reader", {"permission": "pull"})
    reader = forge.host("reader", host.settings.repository)
    base = host.branch_head("main")
    assert base is not None
    with pytest.raises((CodeHostRefused, CodeHostNotFound), match="create branch mine"):
        reader.ensure_branch("mine", base)
    with pytest.raises(CodeHostNotFound):
        forge.host("stranger", host.settings.repository).issue(1)


def test_only_the_adapter_imports_pygithub() -> None:
    root = Path(__file__).parents[2]
    found = subprocess.run(
        ["git", "grep", "-lE", r"^\s*(from|import) github\b", "--", "*.py", ":!tests", ":!tools/codehost"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert found.stdout == ""


def test_people_are_added_branches_protected_and_reviews_submitted(forge: Forge) -> None:
    host, number, head = with_pull(forge)
    forge.token("beth")
    for _ in range(2):
        host.add_collaborator("beth", "push")
    assert host.permission("beth") == "write"
    host.protect("main", ["ci"], 1)
    rules = host.protection("main")
    assert rules is not None
    assert (rules.required_checks, rules.required_approvals) == (("ci",), 1)
    review = forge.host("beth", host.settings.repository).submit_review(number, "APPROVE", "Good.")
    assert (review.author, review.state, review.commit_id) == ("beth", "APPROVED", head)
    assert host.reviews(number) == [review]
    with pytest.raises(CodeHostInvalid, match="review pull request"):
        host.submit_review(number, "APPROVE", "My own.")


def test_labelled_issues_are_told_anew_only_when_they_changed(forge: Forge) -> None:
    host = forge.new_repository()
    one = host.create_issue("One", "", labels=["roadcrew"])
    host.create_issue("Two", "", labels=["bug"])
    first = host.labelled("roadcrew")
    assert first is not None
    assert [issue.number for issue in first.issues] == [one.number]
    assert host.labelled("roadcrew", first.tag) is None
    three = host.create_issue("Three", "", labels=["roadcrew"])
    second = host.labelled("roadcrew", first.tag)
    assert second is not None
    assert {issue.number for issue in second.issues} == {one.number, three.number}


def test_labelled_issues_are_read_to_the_last_page(forge: Forge) -> None:
    host = forge.new_repository()
    made = {host.create_issue(f"Issue {number}", "", labels=["roadcrew"]).number for number in range(101)}
    found = host.labelled("roadcrew")
    assert found is not None
    assert {issue.number for issue in found.issues} == made


def test_who_gave_the_label_last_is_told(forge: Forge) -> None:
    host = forge.new_repository()
    writer = forge.host("writer", host.settings.repository)
    forge.as_person("team", host, "PUT", "/collaborators/writer", {"permission": "push"})
    issue = host.create_issue("One", "", labels=["roadcrew"])
    assert host.labelled_by(issue.number, "roadcrew") == "team"
    assert host.labelled_by(issue.number, "bug") is None
    host.remove_label(issue.number, "roadcrew")
    writer.add_labels(issue.number, "roadcrew", "bug")
    assert host.labelled_by(issue.number, "roadcrew") == "writer"
