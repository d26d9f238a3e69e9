"""Reviews, remarks, statuses and branch protection at merge."""

import pytest
from github import GithubException
from github.PullRequest import PullRequest
from hypothesis import given
from hypothesis import strategies as st

from forge.actions.reviews import hunk_at, numbered
from tests.forge.conftest import Project


def opened(project: Project) -> PullRequest:
    """A pull request by bob that changes line 2 of app.py."""
    project.branch("feature", {"app.py": "one\n2\nthree\n"})
    return project.bob.create_pull(base="main", head="feature", title="Feature")


def test_nobody_approves_their_own_pull_request(project: Project) -> None:
    pull = opened(project)
    for event in ("APPROVE", "REQUEST_CHANGES"):
        with pytest.raises(GithubException) as refused:
            pull.create_review(body="Mine", event=event)
        assert refused.value.status == 422
        assert "your own pull request" in str(refused.value.data)
    assert pull.create_review(body="A note", event="COMMENT").state == "COMMENTED"


def test_review_with_remarks_is_listed_and_answered(project: Project) -> None:
    pull = project.ada.get_pull(opened(project).number)
    remarks = [{"path": "app.py", "line": 2, "side": "RIGHT", "body": "Why?"}]
    review = pull.create_review(body="See below", event="REQUEST_CHANGES", comments=remarks)  # type: ignore[arg-type]  # PyGithub's type knows only `position`
    assert review.state == "CHANGES_REQUESTED"
    (remark,) = list(pull.get_review_comments())
    assert (remark.path, remark.body, remark.pull_request_review_id) == ("app.py", "Why?", review.id)
    assert remark.diff_hunk.endswith("+2")
    answer = pull.create_review_comment_reply(remark.id, "Because")
    assert answer.in_reply_to_id == remark.id
    with pytest.raises(GithubException) as refused:
        pull.create_review_comment("Off", project.ada.get_commit(pull.head.sha), "app.py", line=40)
    assert refused.value.status == 422


def test_pending_review_is_private_until_submitted(project: Project) -> None:
    number = opened(project).number
    review = project.ada.get_pull(number).create_review(body="Draft")
    assert review.state == "PENDING"
    assert list(project.bob.get_pull(number).get_reviews()) == []
    path = f"/repos/{project.name}/pulls/{number}/reviews/{review.id}/events"
    assert project.forge.call("POST", path, "ada", json={"event": "APPROVE"}).json()["state"] == "APPROVED"
    assert [each.state for each in project.bob.get_pull(number).get_reviews()] == ["APPROVED"]


def refusal(pull: PullRequest) -> str:
    """What a merge is refused with."""
    with pytest.raises(GithubException) as refused:
        pull.merge()
    assert refused.value.status == 405
    return str(refused.value.data)


def test_protection_holds_a_merge_until_checks_and_approvals_are_there(project: Project) -> None:
    pull = opened(project)
    project.ada.get_branch("main").edit_protection(
        strict=True, contexts=["ci"], required_approving_review_count=1, enforce_admins=True
    )
    rules = project.ada.get_branch("main").get_protection()
    assert rules.required_status_checks.contexts == ["ci"]
    assert 'check "ci" is expected' in refusal(pull)
    assert project.bob.get_pull(pull.number).mergeable_state == "blocked"
    commit = project.bob.get_commit(pull.head.sha)
    commit.create_status("failure", context="ci")
    assert 'check "ci" is failing' in refusal(pull)
    commit.create_status("success", context="ci", description="3 passed", target_url="http://127.0.0.1/x")
    assert "At least 1 approving review" in refusal(pull)
    mine = project.ada.get_pull(pull.number)
    review = mine.create_review(event="APPROVE")
    review.dismiss("Looked again")
    assert "At least 1 approving review" in refusal(mine)
    mine.create_review(event="APPROVE")
    assert project.bob.get_pull(pull.number).mergeable_state == "clean"
    assert pull.merge().merged


def test_strict_protection_wants_the_newest_base(project: Project) -> None:
    pull = opened(project)
    project.ada.get_branch("main").edit_protection(strict=True, contexts=[])
    file = project.ada.get_contents("README.md")
    project.ada.update_file("README.md", "Change", "# New\n", file.sha)  # type: ignore[union-attr]  # one file
    assert project.bob.get_pull(pull.number).mergeable_state == "behind"
    assert "not up to date" in refusal(pull)
    assert project.ada.get_pull(pull.number).merge().merged, "rules without enforce_admins let an admin pass"


def test_approval_of_someone_without_write_does_not_count(project: Project) -> None:
    pull = opened(project)
    project.ada.get_branch("main").edit_protection(required_approving_review_count=1, enforce_admins=True)
    project.forge.client("carol").get_repo(project.name).get_pull(pull.number).create_review(event="APPROVE")
    assert "At least 1 approving review" in refusal(pull)


def test_new_commits_dismiss_stale_approvals_where_asked(project: Project) -> None:
    pull = opened(project)
    project.ada.get_branch("main").edit_protection(
        required_approving_review_count=1, dismiss_stale_reviews=True, enforce_admins=True
    )
    project.ada.get_pull(pull.number).create_review(event="APPROVE")
    project.commit("feature", {"more.txt": "more\n"})
    project.push("feature")
    assert [each.state for each in pull.get_reviews()] == ["DISMISSED"]


def test_newest_status_of_each_context_counts(project: Project) -> None:
    commit = project.bob.get_branch("main").commit
    assert commit.get_combined_status().state == "pending"
    commit.create_status("pending", context="a")
    commit.create_status("success", context="a")
    assert commit.get_combined_status().state == "success"
    commit.create_status("error", context="b")
    combined = commit.get_combined_status()
    assert (combined.state, combined.total_count) == ("failure", 2)
    assert [each.state for each in commit.get_statuses()] == ["error", "success", "pending"]
    assert commit.get_check_runs().totalCount == 0
    with pytest.raises(GithubException) as refused:
        project.bob.create_check_run("ci", commit.sha)
    assert refused.value.status == 403


LINES = st.lists(st.tuples(st.sampled_from(" +-"), st.text("ab@+- ", max_size=5)), min_size=1, max_size=30)


@given(lines=LINES)
def test_every_line_of_a_patch_is_found_under_its_own_number(lines: list[tuple[str, str]]) -> None:
    patch = "\n".join(["@@ -1,9 +1,9 @@", *(sign + text for sign, text in lines)])
    rows = numbered(patch)
    assert [row[2] for row in rows] == patch.split("\n")
    for old, new, text in rows[1:]:
        assert (old is None) == text.startswith("+")
        assert (new is None) == text.startswith("-")
        if new is not None:
            assert hunk_at(patch, new, "RIGHT").endswith(text)
    assert hunk_at(patch, len(lines) + 1, "RIGHT") == ""
