"""Pull requests from opening to merging, through PyGithub and real git."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from github import GithubException

from tests.forge.conftest import Project, git


def test_pull_request_is_opened_listed_and_shown_with_its_changes(project: Project) -> None:
    sha = project.branch("feature", {"app.py": "one\n2\nthree\n", "new.txt": "hello\n"})
    pull = project.bob.create_pull(base="main", head="feature", title="Feature", body="Text")
    shown = project.ada.get_pull(pull.number)
    assert shown.head.sha == sha
    assert shown.mergeable is True
    assert shown.mergeable_state == "clean"
    assert (shown.commits, shown.changed_files, shown.additions, shown.deletions) == (1, 2, 2, 1)
    files = {file.filename: file for file in shown.get_files()}
    assert files["new.txt"].status == "added"
    assert "-two\n+2" in files["app.py"].patch
    assert [commit.sha for commit in shown.get_commits()] == [sha]
    owner = project.ada.owner.login
    assert [each.number for each in project.ada.get_pulls(head=f"{owner}:feature", base="main")] == [pull.number]
    assert list(project.ada.get_pulls(head=f"{owner}:other")) == []


def test_second_pull_request_for_the_same_branches_is_refused(project: Project) -> None:
    project.branch("feature", {"a.txt": "a\n"})
    project.bob.create_pull(base="main", head="feature", title="One")
    with pytest.raises(GithubException) as refused:
        project.bob.create_pull(base="main", head="feature", title="Two")
    assert refused.value.status == 422
    assert "already exists" in str(refused.value.data)


def test_pull_request_without_commits_or_branch_is_refused(project: Project) -> None:
    project.bob.create_git_ref("refs/heads/same", project.bob.get_branch("main").commit.sha)
    for head in ("same", "absent", "stranger:main", "bad..name"):
        with pytest.raises(GithubException) as refused:
            project.bob.create_pull(base="main", head=head, title="None")
        assert refused.value.status == 422


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_merge_methods_leave_their_history(project: Project, method: str) -> None:
    project.branch("feature", {"a.txt": "a\n"}, "Add a")
    project.commit("feature", {"b.txt": "b\n"}, "Add b")
    project.push("feature")
    git(project.clone, "checkout", "-q", "main")
    project.commit("main", {"c.txt": "c\n"}, "Add c")
    project.push("main", login="ada")
    pull = project.bob.create_pull(base="main", head="feature", title="Both")
    done = pull.merge(merge_method=method)
    assert done.merged
    main = project.ada.get_branch("main").commit
    assert main.sha == done.sha
    assert len(main.parents) == (2 if method == "merge" else 1)
    messages = [commit.commit.message.split("\n")[0] for commit in project.ada.get_commits()]
    expected = {
        "merge": {f"Merge pull request #{pull.number} from ada/feature", "Add a", "Add b", "Add c", "First"},
        "squash": {f"Both (#{pull.number})", "Add c", "First"},
        "rebase": {"Add b", "Add a", "Add c", "First"},
    }
    assert set(messages) == expected[method]
    tree = {entry.path for entry in project.ada.get_git_tree(done.sha).tree}
    assert {"a.txt", "b.txt", "c.txt"} <= tree
    assert pull.is_merged()
    shown = project.ada.get_pull(pull.number)
    assert shown.merged and shown.state == "closed" and shown.merged_by.login == "bob"
    assert len(list(shown.get_files())) == 2


def test_merge_with_a_stale_head_is_a_conflict(project: Project) -> None:
    project.branch("feature", {"a.txt": "a\n"})
    pull = project.bob.create_pull(base="main", head="feature", title="A")
    with pytest.raises(GithubException) as refused:
        pull.merge(sha="0" * 40)
    assert refused.value.status == 409
    assert not pull.is_merged()


def test_conflicting_pull_request_is_dirty_and_cannot_be_merged(project: Project) -> None:
    project.branch("feature", {"app.py": "one\nleft\nthree\n"})
    git(project.clone, "checkout", "-q", "main")
    project.commit("main", {"app.py": "one\nright\nthree\n"})
    project.push("main", login="ada")
    pull = project.bob.create_pull(base="main", head="feature", title="A")
    assert pull.mergeable is False
    assert pull.mergeable_state == "dirty"
    for method in ("merge", "squash", "rebase"):
        with pytest.raises(GithubException) as refused:
            pull.merge(merge_method=method)
        assert refused.value.status == 405


def test_merge_closes_the_issues_that_the_body_fixes(project: Project) -> None:
    fixed = project.bob.create_issue(title="Bug")
    other = project.bob.create_issue(title="Other")
    project.branch("feature", {"a.txt": "a\n"})
    body = f"Fixes #{fixed.number}, see #{other.number}"
    project.bob.create_pull(base="main", head="feature", title="A", body=body).merge()
    assert project.ada.get_issue(fixed.number).state == "closed"
    assert project.ada.get_issue(other.number).state == "open"


def test_push_moves_the_head_and_a_deleted_branch_closes_the_pull_request(project: Project) -> None:
    project.branch("feature", {"a.txt": "a\n"})
    pull = project.bob.create_pull(base="main", head="feature", title="A")
    sha = project.commit("feature", {"b.txt": "b\n"})
    project.push("feature")
    assert project.ada.get_pull(pull.number).head.sha == sha
    project.bob.get_git_ref("heads/feature").delete()
    assert project.ada.get_pull(pull.number).state == "closed"


def test_pull_request_that_was_pushed_into_its_base_counts_as_merged(project: Project) -> None:
    project.branch("feature", {"a.txt": "a\n"})
    pull = project.bob.create_pull(base="main", head="feature", title="A")
    git(project.clone, "checkout", "-q", "main")
    git(project.clone, "merge", "-q", "feature")
    project.push("main", login="ada")
    assert project.ada.get_pull(pull.number).merged


def test_update_branch_merges_the_base_into_the_head(project: Project) -> None:
    project.branch("feature", {"a.txt": "a\n"})
    pull = project.bob.create_pull(base="main", head="feature", title="A")
    git(project.clone, "checkout", "-q", "main")
    project.commit("main", {"c.txt": "c\n"})
    project.push("main", login="ada")
    assert pull.update_branch()
    shown = project.ada.get_pull(pull.number)
    assert shown.head.sha != pull.head.sha
    assert {entry.path for entry in project.ada.get_git_tree("feature").tree} >= {"a.txt", "c.txt"}


def test_draft_cannot_be_merged_until_it_is_ready(project: Project) -> None:
    project.branch("feature", {"a.txt": "a\n"})
    pull = project.bob.create_pull(base="main", head="feature", title="A", draft=True)
    assert pull.mergeable_state == "draft"
    with pytest.raises(GithubException) as refused:
        pull.merge()
    assert refused.value.status == 405


def test_pull_request_is_edited_closed_and_reopened(project: Project) -> None:
    project.branch("feature", {"a.txt": "a\n"})
    pull = project.bob.create_pull(base="main", head="feature", title="A")
    pull.edit(title="B", body="Text", state="closed")
    assert (pull.title, pull.body, pull.state) == ("B", "Text", "closed")
    pull.edit(state="open")
    assert project.ada.get_pull(pull.number).state == "open"
    assert project.ada.get_issue(pull.number).pull_request is not None


def test_of_two_merges_at_once_one_wins_and_nothing_is_lost(project: Project) -> None:
    numbers = []
    for name in ("one", "two", "three"):
        project.branch(name, {f"{name}.txt": f"{name}\n"})
        numbers.append(project.bob.create_pull(base="main", head=name, title=name).number)
    paths = [f"/repos/{project.name}/pulls/{number}/merge" for number in numbers for _ in range(3)]
    project.forge.token("bob")
    with ThreadPoolExecutor(9) as pool:
        codes = list(pool.map(lambda path: project.forge.call("PUT", path, "bob", json={}).status_code, paths))
    assert sorted(codes) == [200] * 3 + [405] * 6
    tree = {entry.path for entry in project.ada.get_git_tree("main").tree}
    assert {"one.txt", "two.txt", "three.txt"} <= tree
    assert len([each for each in project.ada.get_commits() if len(each.parents) == 2]) == 3


def test_comments_and_refs_made_at_once_are_each_made_once(project: Project) -> None:
    issue = project.bob.create_issue(title="One")
    sha = project.bob.get_branch("main").commit.sha
    base = f"/repos/{project.name}"

    def both(number: int) -> tuple[int, int]:
        said = project.forge.call("POST", f"{base}/issues/1/comments", "bob", json={"body": str(number)})
        made = project.forge.call("POST", f"{base}/git/refs", "bob", json={"ref": "refs/heads/same", "sha": sha})
        return said.status_code, made.status_code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(both, range(24)))
    assert [code for code, _ in codes] == [201] * 24
    assert sorted(code for _, code in codes) == [201] + [422] * 23
    assert sorted(int(each.body) for each in issue.get_comments()) == list(range(24))
