"""Pull requests: open, list, look, edit, merge."""

from flask import Blueprint, Response, request

from forge.actions import details, merging
from forge.actions import issues as issue_actions
from forge.actions import pulls as actions
from forge.actions import repositories as repository_actions
from forge.actions.merging import MergeOrder
from forge.actions.pulls import PullDraft
from forge.errors import NotFound
from forge.git import diff
from forge.host import Act
from forge.records import Issue, Pull
from forge.rest.answer import empty, paged, reply, sliced
from forge.rest.issues import edit_from
from forge.rest.request import act, body, host, page, view
from forge.shapes import commits as commit_shapes
from forge.shapes import pulls as shapes
from forge.store import issues, pulls
from forge.store.pulls import PullFilter
from forge.text import checked_text

routes = Blueprint("pulls", __name__)
BASE = "/repos/<owner>/<name>/pulls"
ONE = f"{BASE}/<int:number>"


def full(acting: Act, issue: Issue, pull: Pull) -> Response:
    """A pull request with everything computed from git."""
    with host().db.read() as db:
        issue = issues.by_id(db, issue.id)
    known = details.details(acting, issue, pull)
    return reply(shapes.pull(view(), acting.repo, issue, known))


@routes.get(BASE)
def list_pulls(owner: str, name: str) -> Response:
    """Pull requests, narrowed by state, head and base."""
    acting, args = act(owner, name), request.args
    head = args.get("head")
    if head and ":" in head:
        who, _, head = head.partition(":")
        if who.lower() != acting.repo.owner.lower():
            return reply([])
    wanted = PullFilter(
        state=args.get("state", "open"),
        head=head,
        base=args.get("base"),
        sort=args.get("sort", "created"),
        direction=args.get("direction", "desc"),
    )
    with host().db.read() as db:
        found = pulls.listed(db, acting.repo, wanted, page())
    for issue in found.items:
        actions.find(acting, issue.number)
    return paged(found, page(), lambda issue: shapes.pull(view(), acting.repo, issue))


@routes.post(BASE)
def create_pull(owner: str, name: str) -> Response:
    """Open a pull request."""
    acting = act(owner, name)
    given = body("PullRequest")
    given.refuse("issue", "head_repo")
    draft = PullDraft(
        title=given.text("title"),
        body=given.optional_text("body"),
        head=given.text("head"),
        base=given.text("base"),
        draft=given.flag("draft"),
    )
    issue = actions.create(acting, draft)
    with host().db.read() as db:
        pull = pulls.of_issue(db, issue)
    response = full(acting, issue, pull)
    response.status_code = 201
    return response


@routes.get(ONE)
def get_pull(owner: str, name: str, number: int) -> Response:
    """One pull request; with GitHub's media type its diff."""
    acting = act(owner, name)
    issue, pull = actions.find(acting, number)
    if ".diff" in request.headers.get("Accept", ""):
        return Response(diff_text(acting, pull), content_type="application/vnd.github.diff; charset=utf-8")
    return full(acting, issue, pull)


def diff_text(acting: Act, pull: Pull) -> bytes:
    """The whole patch of a pull request."""
    options = ["--no-ext-diff", "--no-textconv", "--no-color", "-M"]
    fork = details.fork_point(acting, pull)
    return acting.git.run("diff-tree", "-r", "-p", *options, fork, pull.head_sha, "--").stdout


@routes.patch(ONE)
def edit_pull(owner: str, name: str, number: int) -> Response:
    """Change text, state or base."""
    acting, given = act(owner, name), body("PullRequest")
    issue, _ = actions.find(acting, number)
    actions.edit(acting, issue, edit_from(given), given.optional_text("base"))
    if "draft" in given:
        actions.set_draft(acting, issue, draft=given.flag("draft"))
    return full(acting, *actions.find(acting, number))


@routes.get(f"{ONE}/files")
def list_files(owner: str, name: str, number: int) -> Response:
    """What a pull request changes."""
    acting = act(owner, name)
    _, pull = actions.find(acting, number)

    def shape(change: diff.FileChange) -> object:
        return commit_shapes.file_change(view(), acting.repo, pull.head_sha, change)

    return sliced(details.files(acting, pull), page(), shape)


@routes.get(f"{ONE}/commits")
def list_commits(owner: str, name: str, number: int) -> Response:
    """A pull request's own commits, oldest first."""
    acting = act(owner, name)
    _, pull = actions.find(acting, number)
    found = details.commits(acting, pull)
    return sliced(found, page(), lambda commit: commit_shapes.commit(view(), acting.repo, commit))


@routes.get(f"{ONE}/merge")
def is_merged(owner: str, name: str, number: int) -> Response:
    """204 when merged, else 404."""
    _, pull = actions.find(act(owner, name), number)
    if pull.merged_at is None:
        raise NotFound()
    return empty()


@routes.put(f"{ONE}/merge")
def merge_pull(owner: str, name: str, number: int) -> Response:
    """Merge a pull request."""
    acting, given = act(owner, name, "write"), body("PullRequest")
    order = MergeOrder(
        method=given.choice("merge_method", ("merge", "squash", "rebase"), "merge"),
        title=_text(given.optional_text("commit_title"), "commit_title"),
        message=_text(given.optional_text("commit_message"), "commit_message"),
        sha=given.optional_text("sha"),
    )
    issue, pull = actions.find(acting, number)
    new = merging.merge(acting, issue, pull, order)
    return reply({"sha": new, "merged": True, "message": "Pull Request successfully merged"})


def _text(value: str | None, field: str) -> str | None:
    return None if value is None else checked_text("PullRequest", field, value)


@routes.put(f"{ONE}/update-branch")
def update_branch(owner: str, name: str, number: int) -> Response:
    """Merge the base branch into the head branch."""
    acting, given = act(owner, name, "write"), body("PullRequest")
    issue, pull = actions.find(acting, number)
    actions.update_branch(acting, issue, pull, given.optional_text("expected_head_sha"))
    shaped = {
        "message": "Updating pull request branch.",
        "url": view().repo_html(acting.repo, f"/pull/{number}"),
    }
    return reply(shaped, 202)


@routes.route(f"{ONE}/requested_reviewers", methods=["GET", "POST", "DELETE"])
def reviewers(owner: str, name: str, number: int) -> Response:
    """Whose review is asked for."""
    acting = act(owner, name)
    issue, pull = actions.find(acting, number)
    if request.method != "GET":
        acting.need("write")
        given = body("PullRequest")
        given.refuse("team_reviewers")
        people = [repository_actions.person(acting, login) for login in given.texts("reviewers")]
        change = pulls.request_reviewers if request.method == "POST" else pulls.unrequest_reviewers
        with host().db.write() as db:
            change(db, pull, [each for each in people if each.id != issue.author_id])
            action = "review_requested" if request.method == "POST" else "review_request_removed"
            issue_actions.announce(acting, issue, action)
        response = reply(shapes.pull(view(), acting.repo, issue))
        response.status_code = 201 if request.method == "POST" else 200
        return response
    shaped = shapes.pull(view(), acting.repo, issue)
    return reply({"users": shaped["requested_reviewers"], "teams": []})
