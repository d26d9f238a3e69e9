"""The pages of pull requests: conversation, commits, changes, checks; review and merge."""

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from forge.actions import details, merging, protection, reviews
from forge.actions import pulls as actions
from forge.actions.merging import MergeOrder
from forge.actions.reviews import ReviewOrder
from forge.errors import Invalid
from forge.host import Act
from forge.pages.issues import conversation, listing
from forge.pages.markup import diff_file
from forge.pages.session import check_form
from forge.records import Comment, Issue, Pull, Review
from forge.rest.pulls import diff_text
from forge.rest.request import act, host
from forge.store import pulls, repositories

routes = Blueprint("pull_pages", __name__)
ONE = "/<owner>/<name>/pull/<int:number>"


def entries(issue: Issue, pull: Pull) -> list[tuple[str, str, Comment | Review, list[Any]]]:
    """Comments and submitted reviews by time: (time, kind, record, remarks of the review)."""
    rows: list[tuple[str, str, Comment | Review, list[Any]]] = [
        (each.created_at, "comment", each, []) for each in conversation(issue)
    ]
    with host().db.read() as db:
        for review in pulls.reviews(db, pull).items:
            remarks = pulls.comments_of_review(db, review).items
            if review.state != "PENDING" and (review.state != "COMMENTED" or review.body or remarks):
                rows.append((review.submitted_at or "", "review", review, remarks))
    return sorted(rows, key=lambda row: row[0])


def merge_box(acting: Act, issue: Issue, pull: Pull) -> dict[str, Any]:
    """What the box under the conversation says: checks, approvals, what stands in the way."""
    mergeable, state = details.mergeability(acting, issue, pull)
    with host().db.read() as db:
        checks = pulls.latest_statuses(db, acting.repo, pull.head_sha).items
        rules = repositories.protection(db, acting.repo, pull.base_ref)
    binding = protection.rules_of(acting, pull.base_ref)
    known = {check.context for check in checks}
    return {
        "mergeable": mergeable,
        "state": state,
        "checks": checks,
        "missing": [name for name in (rules.contexts or ()) if name not in known] if rules else [],
        "verdicts": list(protection.verdicts(acting, pull).values()),
        "problems": protection.problems(acting, pull, rules) if rules else [],
        "may_merge": bool(
            acting.may("write")
            and mergeable
            and not pull.draft
            and not (binding and protection.problems(acting, pull, binding))
        ),
    }


def _page(owner: str, name: str, number: int, tab: str) -> str:
    acting = act(owner, name)
    issue, pull = actions.find(acting, number)
    commits = details.commits(acting, pull)
    changes = details.files(acting, pull)
    box = merge_box(acting, issue, pull)
    shown: dict[str, Any] = {"commits": commits, "box": box, "tab_name": tab, "count": len(changes)}
    shown["added"] = sum(each.additions for each in changes)
    shown["deleted"] = sum(each.deletions for each in changes)
    if tab == "conversation":
        shown["entries"] = entries(issue, pull)
    if tab == "files":
        shown["files"] = [diff_file(each) for each in changes]
    return render_template("pull.html", acting=acting, issue=issue, pull=pull, **shown)


@routes.get("/<owner>/<name>/pulls")
def list_pulls(owner: str, name: str) -> str:
    """The pull requests of a repository."""
    return listing(act(owner, name), pulls=True)


@routes.get(ONE)
def show_pull(owner: str, name: str, number: int) -> str:
    """The conversation."""
    return _page(owner, name, number, "conversation")


@routes.get(f"{ONE}/commits")
def show_commits(owner: str, name: str, number: int) -> str:
    """The commits."""
    return _page(owner, name, number, "commits")


@routes.get(f"{ONE}/files")
def show_files(owner: str, name: str, number: int) -> str:
    """The changes."""
    return _page(owner, name, number, "files")


@routes.get(f"{ONE}/checks")
def show_checks(owner: str, name: str, number: int) -> str:
    """The checks."""
    return _page(owner, name, number, "checks")


@routes.get(f"{ONE}.diff")
def show_diff(owner: str, name: str, number: int) -> Response:
    """The changes as one patch."""
    acting = act(owner, name)
    _, pull = actions.find(acting, number)
    return Response(diff_text(acting, pull), content_type="text/plain; charset=utf-8")


@routes.post(f"{ONE}/review")
def review(owner: str, name: str, number: int) -> BaseResponse:
    """Approve, request changes or comment; refused when the head moved since the page was shown."""
    check_form()
    acting = act(owner, name)
    issue, pull = actions.find(acting, number)
    if request.form.get("sha") != pull.head_sha:
        raise Invalid("The branch has new commits since you opened this page. Look at them first.")
    verdict = request.form.get("event")
    if verdict not in ("APPROVE", "REQUEST_CHANGES", "COMMENT"):
        raise Invalid("Choose Approve, Request changes or Comment.")
    body = request.form.get("body", "").replace("\r\n", "\n")
    event = reviews.verdict_named(verdict)
    reviews.create(acting, issue, pull, ReviewOrder(event=event, body=body))
    return redirect(f"/{acting.repo.full_name}/pull/{number}")


@routes.post(f"{ONE}/merge")
def merge(owner: str, name: str, number: int) -> BaseResponse:
    """Merge; refused when the head moved since the page was shown."""
    check_form()
    acting = act(owner, name)
    issue, pull = actions.find(acting, number)
    method = merging.method_named(request.form.get("method", "merge"))
    merging.merge(acting, issue, pull, MergeOrder(method=method, sha=request.form.get("sha", "")))
    return redirect(f"/{acting.repo.full_name}/pull/{number}")
