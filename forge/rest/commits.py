"""Commits, comparisons, statuses and check runs."""

from flask import Blueprint, Response, request

from forge.errors import Conflict, Forbidden, Invalid, NotFound
from forge.events import emit
from forge.git import diff, objects, refs
from forge.host import Act
from forge.records import Status
from forge.rest.answer import link, paged, reply, sliced
from forge.rest.request import act, body, checked_sha, host, page, view
from forge.shapes import commits as shapes
from forge.shapes import people
from forge.shapes import pulls as pull_shapes
from forge.shapes import repositories as repository_shapes
from forge.store import pulls, repositories
from forge.text import checked_text

routes = Blueprint("commits", __name__)
BASE = "/repos/<owner>/<name>"
COMPARED_COMMITS = 250
COMPARED_FILES = 300


def _is_empty(acting: Act) -> bool:
    return not refs.branches(acting.git)


@routes.get(f"{BASE}/commits")
def list_commits(owner: str, name: str) -> Response:
    """The history of a branch, newest first."""
    acting, wanted = act(owner, name), page()
    if _is_empty(acting):
        raise Conflict("Git Repository is empty.")
    start = refs.commit(acting.git, request.args.get("sha") or acting.repo.default_branch)
    path = request.args.get("path") or None
    found = objects.log(acting.git, start, path=path, skip=(wanted.number - 1) * wanted.size, count=wanted.size)
    response = reply([shapes.commit(view(), acting.repo, commit) for commit in found])
    link(response, wanted, objects.count(acting.git, start, path))
    return response


@routes.get(f"{BASE}/commits/<path:ref>")
def get_commit(owner: str, name: str, ref: str) -> Response:
    """One commit with its changes; with GitHub's media types its bare sha or its diff."""
    acting = act(owner, name)
    try:
        sha = refs.commit(acting.git, ref)
    except NotFound as absent:
        raise Invalid(f"No commit found for SHA: {ref[:100]}") from absent
    accept = request.headers.get("Accept", "")
    if "vnd.github.sha" in accept or accept.endswith(".sha"):
        return Response(sha, content_type="text/plain; charset=utf-8")
    commit = objects.commits(acting.git, [sha])[0]
    parent = commit.parents[0] if commit.parents else diff.EMPTY_TREE
    changes = diff.changes(acting.git, parent, sha)
    return reply(shapes.commit(view(), acting.repo, commit, changes))


@routes.get(f"{BASE}/compare/<path:span>")
def compare(owner: str, name: str, span: str) -> Response:
    """What head has that base has not: `base...head`."""
    acting = act(owner, name)
    left, dots, right = span.partition("...")
    if not dots:
        raise NotFound()
    own = f"{acting.repo.owner}:"
    base = refs.commit(acting.git, left.removeprefix(own))
    head = refs.commit(acting.git, right.removeprefix(own))
    fork = refs.merge_base(acting.git, base, head)
    if fork is None:
        raise NotFound(f"No common ancestor between {left} and {right}.")
    ahead, behind = refs.between(acting.git, base, head), refs.count_between(acting.git, head, base)
    changes = diff.changes(acting.git, fork, head)[:COMPARED_FILES]
    status = ("diverged" if behind else "ahead") if ahead else ("behind" if behind else "identical")
    ends = objects.commits(acting.git, [base, fork])
    shaper = view()
    page = shaper.repo_html(acting.repo, "/compare")
    return reply(
        {
            "url": shaper.repo_api(acting.repo, f"/compare/{span}"),
            "html_url": f"{page}/{span}",
            "permalink_url": f"{page}/{base}...{head}",
            "diff_url": f"{page}/{span}.diff",
            "patch_url": f"{page}/{span}.patch",
            "base_commit": shapes.commit(shaper, acting.repo, ends[0]),
            "merge_base_commit": shapes.commit(shaper, acting.repo, ends[1]),
            "status": status,
            "ahead_by": len(ahead),
            "behind_by": behind,
            "total_commits": len(ahead),
            "commits": [
                shapes.commit(shaper, acting.repo, each)
                for each in objects.commits(acting.git, ahead[:COMPARED_COMMITS])
            ],
            "files": [shapes.file_change(shaper, acting.repo, head, each) for each in changes],
        }
    )


@routes.post(f"{BASE}/statuses/<sha>")
def create_status(owner: str, name: str, sha: str) -> Response:
    """Report on a commit."""
    acting = act(owner, name, "write")
    given = body("Status")
    if refs.objects(acting.git, [f"{checked_sha(sha)}^{{commit}}"])[0] is None:
        raise Invalid(f"No commit found for SHA: {sha}")
    description = given.optional_text("description")
    target = given.optional_text("target_url")
    values = {
        "state": given.choice("state", ("error", "failure", "pending", "success")),
        "context": checked_text("Status", "context", given.text("context", "default"), 255),
        "description": description and checked_text("Status", "description", description, 140),
        "target_url": _checked_url(target) if target else None,
    }
    about = _about(acting, sha)
    with host().db.write() as db:
        status = pulls.add_status(db, acting.repo, sha, acting.user, values)
        _announce(acting, status, about)
    return reply(shapes.status(view(), acting.repo, status), 201)


def _checked_url(url: str) -> str:
    if not url.lower().startswith(("http://", "https://")):
        raise Invalid.field("Status", "target_url", "invalid", "target_url must begin with http:// or https://")
    return checked_text("Status", "target_url", url, 2000)


def _about(acting: Act, sha: str) -> people.Json:
    """What a `status` event says of the commit and the branches that are at it."""
    commit = objects.commits(acting.git, [sha])[0]
    with host().db.read() as db:
        protected = repositories.protected_branches(db, acting.repo)
    branches = [
        {
            "name": name,
            "commit": {"sha": tip, "url": acting.view.repo_api(acting.repo, f"/commits/{tip}")},
            "protected": name in protected,
        }
        for name, tip in refs.branches(acting.git).items()
        if tip == sha
    ]
    return {"commit": shapes.commit(acting.view, acting.repo, commit), "branches": branches}


def _announce(acting: Act, status: Status, about: people.Json) -> None:
    shaped = shapes.status(acting.view, acting.repo, status)
    kept = ("id", "state", "context", "description", "target_url", "created_at", "updated_at")
    named = {"sha": status.sha, "name": acting.repo.full_name}
    emit(acting, "status", {**{key: shaped[key] for key in kept}, **named, **about})


@routes.get(f"{BASE}/statuses/<path:ref>")
@routes.get(f"{BASE}/commits/<path:ref>/statuses")
def list_statuses(owner: str, name: str, ref: str) -> Response:
    """All reports on a commit, newest first."""
    acting = act(owner, name)
    sha = refs.commit(acting.git, ref)
    with host().db.read() as db:
        found = pulls.statuses(db, acting.repo, sha, page())
    return paged(found, page(), lambda status: shapes.status(view(), acting.repo, status))


@routes.get(f"{BASE}/commits/<path:ref>/status")
def get_combined_status(owner: str, name: str, ref: str) -> Response:
    """The newest report of each context, and one word for all of them."""
    acting = act(owner, name)
    sha = refs.commit(acting.git, ref)
    with host().db.read() as db:
        found = pulls.latest_statuses(db, acting.repo, sha)
    wanted = page()
    start = (wanted.number - 1) * wanted.size
    shaper = view()
    api = shaper.repo_api(acting.repo, f"/commits/{sha}")
    shaped = {
        "state": shapes.combined_state([status.state for status in found.items]),
        "sha": sha,
        "total_count": found.total,
        "statuses": [shapes.status(shaper, acting.repo, status) for status in found.items[start : start + wanted.size]],
        "repository": repository_shapes.repository(shaper, acting.repo),
        "commit_url": api,
        "url": f"{api}/status",
    }
    response = reply(shaped)
    link(response, wanted, found.total)
    return response


@routes.get(f"{BASE}/commits/<path:ref>/check-runs")
def list_check_runs(owner: str, name: str, ref: str) -> Response:
    """Always none: check runs are made by GitHub Apps, which the forge does not have."""
    refs.commit(act(owner, name).git, ref)
    return reply({"total_count": 0, "check_runs": []})


@routes.get(f"{BASE}/commits/<path:ref>/check-suites")
def list_check_suites(owner: str, name: str, ref: str) -> Response:
    """Always none, for the same reason."""
    refs.commit(act(owner, name).git, ref)
    return reply({"total_count": 0, "check_suites": []})


@routes.post(f"{BASE}/check-runs")
def create_check_run(owner: str, name: str) -> Response:
    """Refused: only a GitHub App may."""
    act(owner, name, "write")
    raise Forbidden("You must authenticate via a GitHub App.")


@routes.get(f"{BASE}/commits/<path:ref>/pulls")
def list_pulls_of_commit(owner: str, name: str, ref: str) -> Response:
    """The pull requests whose head is this commit or whose merge made it."""
    acting = act(owner, name)
    sha = refs.commit(acting.git, ref)
    with host().db.read() as db:
        sql = "SELECT issue_id FROM pulls WHERE repo_id = ? AND (head_sha = ? OR merge_sha = ?)"
        keys = {row[0] for row in db.execute(sql, [acting.repo.id, sha, sha])}
        every = pulls.listed(db, acting.repo, pulls.PullFilter(state="all")).items
    found = [issue for issue in every if issue.id in keys]
    return sliced(found, page(), lambda issue: pull_shapes.pull(view(), acting.repo, issue))
