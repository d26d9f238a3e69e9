"""Issues, their comments and reactions."""

from flask import Blueprint, Response, request

from forge.actions import assigning
from forge.actions import issues as actions
from forge.actions import milestones as milestone_actions
from forge.actions import pulls as pull_actions
from forge.actions.issues import IssueEdit
from forge.errors import Invalid, NotFound
from forge.host import Act
from forge.records import Comment, Issue, User
from forge.rest import milestones
from forge.rest.answer import empty, paged, reply
from forge.rest.request import Body, act, body, host, page, view
from forge.shapes import issues as shapes
from forge.shapes import people
from forge.store import issue_events, issues
from forge.store.issues import IssueFilter

routes = Blueprint("issues", __name__)
BASE = "/repos/<owner>/<name>/issues"
REASONS = ("completed", "not_planned", "reopened", "duplicate")


def _shaped(acting: Act, issue: Issue) -> people.Json:
    return shapes.issue(view(), acting.repo, issue)


def _shaped_comment(acting: Act, comment: Comment) -> people.Json:
    return shapes.comment(view(), acting.repo, comment)


def _label_names(given: Body) -> list[str]:
    values = given.values.get("labels") or []
    names = [each.get("name") if isinstance(each, dict) else each for each in values]
    return Body(given.resource, {"labels": names}).texts("labels")


def _assignees(acting: Act, given: Body) -> list[User] | None:
    """The people that a request assigns, None when it says nothing of them; `assignee` is the older field."""
    if "assignees" in given:
        return assigning.named(acting, given.texts("assignees"), strict=True)
    if "assignee" in given:
        login = given.optional_text("assignee")
        return assigning.named(acting, [login] if login else [], strict=True)
    return None


def edit_from(given: Body) -> IssueEdit:
    """The fields of an issue that the request sets."""
    values: dict[str, object] = {}
    if "title" in given:
        values["title"] = given.text("title")
    if "body" in given:
        values["body"] = given.optional_text("body")
    if given.optional_text("state"):
        values["state"] = given.choice("state", ("open", "closed"))
    if given.optional_text("state_reason"):
        values["state_reason"] = given.choice("state_reason", REASONS)
    return IssueEdit.model_validate(values)


def _milestone(asked: str | None) -> int | str | None:
    if asked is None or asked in ("none", "*"):
        return asked
    if not asked.isdecimal() or len(asked) > 9:
        raise Invalid.field("Issue", "milestone", "invalid", f"{asked[:60]!r} is not a number, none or *")
    return int(asked)


@routes.get(BASE)
def list_issues(owner: str, name: str) -> Response:
    """Issues and pull requests of a repository."""
    acting = act(owner, name)
    args = request.args
    wanted = IssueFilter(
        state=args.get("state", "open"),
        labels=tuple(part for part in args.get("labels", "").split(",") if part),
        creator=args.get("creator"),
        assignee=args.get("assignee"),
        milestone=_milestone(args.get("milestone")),
        since=args.get("since"),
        sort=args.get("sort", "created"),
        direction=args.get("direction", "desc"),
    )
    with host().db.read() as db:
        found = issues.listed(db, acting.repo, wanted, page())
    return paged(found, page(), lambda issue: _shaped(acting, issue))


@routes.post(BASE)
def create_issue(owner: str, name: str) -> Response:
    """File an issue."""
    acting = act(owner, name)
    given = body("Issue")
    wanted, milestone = _assignees(acting, given), milestones.named(acting, given)
    with host().db.write():
        issue = actions.create(acting, given.text("title"), given.optional_text("body"), _label_names(given))
        if wanted and acting.may("triage"):
            issue = assigning.assign(acting, issue, wanted)
        if milestone:
            issue = milestone_actions.put_under(acting, issue, milestone)
    return reply(_shaped(acting, issue), 201)


@routes.get(f"{BASE}/<int:number>")
def get_issue(owner: str, name: str, number: int) -> Response:
    """One issue or pull request."""
    acting = act(owner, name)
    return reply(_shaped(acting, actions.find(acting, number)))


@routes.patch(f"{BASE}/<int:number>")
def edit_issue(owner: str, name: str, number: int) -> Response:
    """Change text, state or labels."""
    acting = act(owner, name)
    given = body("Issue")
    milestone = milestones.named(acting, given)
    issue = actions.find(acting, number)
    fields, wanted = edit_from(given), _assignees(acting, given)
    issue = pull_actions.edit(acting, issue, fields, None) if issue.is_pull else actions.edit(acting, issue, fields)
    if "labels" in given:
        actions.set_labels(acting, issue, _label_names(given))
        issue = actions.find(acting, number)
    if wanted is not None:
        issue = assigning.replace(acting, issue, wanted)
    if "milestone" in given:
        issue = milestone_actions.put_under(acting, actions.find(acting, number), milestone)
    return reply(_shaped(acting, issue))


@routes.get(f"{BASE}/<int:number>/comments")
def list_comments(owner: str, name: str, number: int) -> Response:
    """A conversation."""
    acting = act(owner, name)
    issue = actions.find(acting, number)
    with host().db.read() as db:
        found = issues.comments_of(db, issue, page(), request.args.get("since", ""))
    return paged(found, page(), lambda comment: _shaped_comment(acting, comment))


@routes.get(f"{BASE}/comments")
def list_all_comments(owner: str, name: str) -> Response:
    """All comments of a repository."""
    acting = act(owner, name)
    with host().db.read() as db:
        found = issues.comments_in(db, acting.repo, page(), request.args.get("since", ""))
    return paged(found, page(), lambda comment: _shaped_comment(acting, comment))


@routes.post(f"{BASE}/<int:number>/comments")
def create_comment(owner: str, name: str, number: int) -> Response:
    """Comment on an issue or pull request."""
    acting = act(owner, name)
    comment = actions.comment(acting, actions.find(acting, number), body("IssueComment").text("body"))
    return reply(_shaped_comment(acting, comment), 201)


@routes.get(f"{BASE}/comments/<int:key>")
def get_comment(owner: str, name: str, key: int) -> Response:
    """One comment."""
    acting = act(owner, name)
    return reply(_shaped_comment(acting, actions.find_comment(acting, key)))


@routes.patch(f"{BASE}/comments/<int:key>")
def edit_comment(owner: str, name: str, key: int) -> Response:
    """Change a comment."""
    acting = act(owner, name)
    found = actions.find_comment(acting, key)
    return reply(_shaped_comment(acting, actions.edit_comment(acting, found, body("IssueComment").text("body"))))


@routes.delete(f"{BASE}/comments/<int:key>")
def delete_comment(owner: str, name: str, key: int) -> Response:
    """Remove a comment."""
    acting = act(owner, name)
    actions.delete_comment(acting, actions.find_comment(acting, key))
    return empty()


@routes.get(f"{BASE}/<int:number>/events")
def list_events(owner: str, name: str, number: int) -> Response:
    """Who labelled, closed and reopened an issue or pull request."""
    acting = act(owner, name)
    issue = actions.find(acting, number)
    with host().db.read() as db:
        found = issue_events.of_issue(db, issue, page())
    return paged(found, page(), lambda event: shapes.event(view(), acting.repo, event))


@routes.get(f"{BASE}/events/<int:key>")
def get_event(owner: str, name: str, key: int) -> Response:
    """One of these events, with the issue as it is now."""
    acting = act(owner, name)
    with host().db.read() as db:
        found = issue_events.of_repository(db, acting.repo, key)
        if found is None:
            raise NotFound()
        issue = issues.by_id(db, found.issue_id)
    return reply({**shapes.event(view(), acting.repo, found), "issue": _shaped(acting, issue)})


def react(acting: Act, subject: str, key: int) -> Response:
    reaction, new = actions.react(acting, subject, key, body("Reaction").text("content"))
    return reply(people.reaction(view(), reaction), 201 if new else 200)


def reactions(subject: str, key: int) -> Response:
    with host().db.read() as db:
        found = issues.reactions(db, subject, key, page())
    return paged(found, page(), lambda reaction: people.reaction(view(), reaction))


@routes.route(f"{BASE}/<int:number>/reactions", methods=["GET", "POST"])
def issue_reactions(owner: str, name: str, number: int) -> Response:
    """React to an issue, or list its reactions."""
    acting = act(owner, name)
    key = actions.find(acting, number).id
    return react(acting, "issue", key) if request.method == "POST" else reactions("issue", key)


@routes.route(f"{BASE}/comments/<int:key>/reactions", methods=["GET", "POST"])
def comment_reactions(owner: str, name: str, key: int) -> Response:
    """React to a comment, or list its reactions."""
    acting = act(owner, name)
    actions.find_comment(acting, key)
    return react(acting, "comment", key) if request.method == "POST" else reactions("comment", key)
