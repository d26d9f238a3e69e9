"""The pages of issues."""

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from forge.actions import issues as actions
from forge.actions import pulls as pull_actions
from forge.actions.issues import IssueEdit
from forge.host import Act
from forge.pages.session import check_form
from forge.records import Comment, Issue, Label, User
from forge.rest.request import act, host
from forge.store import issues, users
from forge.store.database import Page
from forge.store.issues import IssueFilter

routes = Blueprint("issue_pages", __name__)
BASE = "/<owner>/<name>/issues"
PAGE_SIZE = 50


def author(key: int) -> User:
    """The person with this id, for templates."""
    with host().db.read() as db:
        return users.by_id(db, key)


def labels_of(issue: Issue) -> list[Label]:
    """The labels of an issue, for templates."""
    with host().db.read() as db:
        return issues.labels_of(db, issue)


def conversation(issue: Issue) -> list[Comment]:
    """The comments of an issue in order."""
    with host().db.read() as db:
        return issues.comments_of(db, issue).items


def listing(acting: Act, *, pulls: bool) -> str:
    """The list of issues or pull requests that the address asks for."""
    state = "closed" if request.args.get("state") == "closed" else "open"
    number = request.args.get("page", "1")
    page = Page(
        number=int(number) if number.isdecimal() and 0 < len(number) < 7 and int(number) else 1,
        size=PAGE_SIZE,
    )
    with host().db.read() as db:
        found = issues.listed(db, acting.repo, IssueFilter(state=state, pulls=pulls), page)
        other = "open" if state == "closed" else "closed"
        others = issues.listed(db, acting.repo, IssueFilter(state=other, pulls=pulls), Page(size=1)).total
    counts = {state: found.total, other: others}
    more = found.total > page.number * page.size
    shown = {"issues": found.items, "counts": counts, "state": state, "page": page, "more": more}
    return render_template("issues.html", acting=acting, pulls=pulls, **shown)


@routes.get(BASE)
def list_issues(owner: str, name: str) -> str:
    """The issues of a repository."""
    return listing(act(owner, name), pulls=False)


@routes.route(f"{BASE}/new", methods=["GET", "POST"])
def new_issue(owner: str, name: str) -> str | BaseResponse:
    """The form for filing an issue."""
    acting = act(owner, name)
    if request.method == "GET":
        return render_template("new_issue.html", acting=acting)
    check_form()
    made = actions.create(acting, request.form.get("title", ""), _lines(request.form.get("body", "")))
    return redirect(f"/{acting.repo.full_name}/issues/{made.number}")


def _lines(text: str) -> str:
    """Browsers send line ends as CR LF."""
    return text.replace("\r\n", "\n")


@routes.get(f"{BASE}/<int:number>")
def show_issue(owner: str, name: str, number: int) -> str | BaseResponse:
    """An issue with its conversation."""
    acting = act(owner, name)
    issue = actions.find(acting, number)
    if issue.is_pull:
        return redirect(f"/{acting.repo.full_name}/pull/{number}")
    return render_template("issue.html", acting=acting, issue=issue, comments=conversation(issue))


@routes.post(f"{BASE}/<int:number>/comment")
def comment(owner: str, name: str, number: int) -> BaseResponse:
    """Comment, and close or reopen when that button was pressed."""
    check_form()
    acting = act(owner, name)
    issue = actions.find(acting, number)
    text, wanted = _lines(request.form.get("body", "")), request.form.get("state")
    if text.strip() or not wanted:
        actions.comment(acting, issue, text)
    if wanted in ("open", "closed"):
        edit = IssueEdit(state="open" if wanted == "open" else "closed")
        change = pull_actions.edit(acting, issue, edit, None) if issue.is_pull else actions.edit(acting, issue, edit)
        issue = change
    kind = "pull" if issue.is_pull else "issues"
    return redirect(f"/{acting.repo.full_name}/{kind}/{number}")
