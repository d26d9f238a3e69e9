"""Pull requests, reviews and their remarks as JSON."""

from forge.host import View
from forge.records import Figures, Issue, Pull, Record, Repository, Review, ReviewComment
from forge.shapes.issues import association, reaction_counts
from forge.shapes.issues import issue as issue_shape
from forge.shapes.people import Json, node_id, user, user_by_id
from forge.shapes.repositories import repository
from forge.store import issues, pulls


class PullDetails(Record):
    """What is computed from git for one pull request."""

    mergeable: bool | None
    mergeable_state: str
    figures: Figures


def _end(view: View, repo: Repository, ref: str, sha: str) -> Json:
    return {
        "label": f"{repo.owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user_by_id(view, repo.owner_id),
        "repo": repository(view, repo),
    }


def pull(view: View, repo: Repository, found: Issue, details: PullDetails | None = None) -> Json:
    """A pull request; the counts and mergeability come only with details."""
    git = pulls.of_issue(view.db, found)
    api = view.repo_api(repo, f"/pulls/{found.number}")
    issue = issue_shape(view, repo, found)
    asked = [user(view, each) for each in pulls.requested_reviewers(view.db, git)]
    shaped: Json = {
        **{key: value for key, value in issue.items() if key not in _ONLY_ISSUE},
        "node_id": node_id("PullRequest", found.id),
        "url": api,
        "issue_url": issue["url"],
        "comments_url": issue["comments_url"],
        "commits_url": f"{api}/commits",
        "review_comments_url": f"{api}/comments",
        "review_comment_url": view.repo_api(repo, "/pulls/comments{/number}"),
        "statuses_url": view.repo_api(repo, f"/statuses/{git.head_sha}"),
        "diff_url": issue["pull_request"]["diff_url"],
        "patch_url": issue["pull_request"]["patch_url"],
        "head": _end(view, repo, git.head_ref, git.head_sha),
        "base": _end(view, repo, git.base_ref, git.base_sha),
        "draft": git.draft,
        "merged": git.merged_at is not None,
        "merged_at": git.merged_at,
        "merged_by": user_by_id(view, git.merged_by) if git.merged_by else None,
        "merge_commit_sha": git.merge_sha,
        "mergeable": None,
        "mergeable_state": "unknown",
        "rebaseable": None,
        "maintainer_can_modify": False,
        "auto_merge": None,
        "requested_reviewers": asked,
        "requested_teams": [],
        "_links": _links(view, repo, found.number, git.head_sha),
    }
    if details is not None:
        shaped.update(_computed(view, git, details))
    return shaped


def _links(view: View, repo: Repository, number: int, head: str) -> Json:
    api = view.repo_api(repo, f"/pulls/{number}")
    issue = view.repo_api(repo, f"/issues/{number}")
    targets = {
        "self": api,
        "html": view.repo_html(repo, f"/pull/{number}"),
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{api}/comments",
        "review_comment": view.repo_api(repo, "/pulls/comments{/number}"),
        "commits": f"{api}/commits",
        "statuses": view.repo_api(repo, f"/statuses/{head}"),
    }
    return {name: {"href": target} for name, target in targets.items()}


_ONLY_ISSUE = {
    "pull_request",
    "state_reason",
    "closed_by",
    "reactions",
    "repository_url",
    "events_url",
    "labels_url",
    "performed_via_github_app",
}


def _computed(view: View, git: Pull, details: PullDetails) -> Json:
    return {
        "mergeable": details.mergeable,
        "mergeable_state": details.mergeable_state,
        "rebaseable": details.mergeable,
        **details.figures.model_dump(),
        "review_comments": pulls.review_comments(view.db, git).total,
    }


def review(view: View, repo: Repository, found: Review) -> Json:
    """A review."""
    number = issues.by_id(view.db, found.pull_id).number
    page = f"{view.repo_html(repo, f'/pull/{number}')}#pullrequestreview-{found.id}"
    api = view.repo_api(repo, f"/pulls/{number}")
    shaped: Json = {
        "id": found.id,
        "node_id": node_id("PullRequestReview", found.id),
        "user": user_by_id(view, found.author_id),
        "author_association": association(view, repo, found.author_id),
        "body": found.body,
        "state": found.state,
        "commit_id": found.commit_id,
        "html_url": page,
        "pull_request_url": api,
        "_links": {"html": {"href": page}, "pull_request": {"href": api}},
    }
    if found.submitted_at is not None:
        shaped["submitted_at"] = found.submitted_at
    return shaped


def review_comment(view: View, repo: Repository, found: ReviewComment) -> Json:
    """A remark on a diff."""
    number = issues.by_id(view.db, found.pull_id).number
    api = view.repo_api(repo, f"/pulls/comments/{found.id}")
    page = view.repo_html(repo, f"/pull/{number}#discussion_r{found.id}")
    pull_api = view.repo_api(repo, f"/pulls/{number}")
    shaped: Json = {
        "id": found.id,
        "node_id": node_id("PullRequestReviewComment", found.id),
        "url": api,
        "html_url": page,
        "pull_request_url": pull_api,
        "_links": {"self": {"href": api}, "html": {"href": page}, "pull_request": {"href": pull_api}},
        "pull_request_review_id": found.review_id,
        "user": user_by_id(view, found.author_id),
        "author_association": association(view, repo, found.author_id),
        "body": found.body,
        "path": found.path,
        "commit_id": found.commit_id,
        "original_commit_id": found.commit_id,
        "diff_hunk": found.diff_hunk,
        "position": found.position,
        "original_position": found.position,
        "side": found.side,
        "start_line": found.start_line,
        "original_start_line": found.start_line,
        "start_side": found.side if found.start_line else None,
        "subject_type": "line" if found.line else "file",
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "reactions": reaction_counts(view, "review_comment", found.id, api),
    }
    if found.line is not None:
        shaped["line"] = shaped["original_line"] = found.line
    if found.in_reply_to:
        shaped["in_reply_to_id"] = found.in_reply_to
    return shaped
