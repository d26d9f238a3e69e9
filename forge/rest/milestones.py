"""Milestones."""

from datetime import UTC, datetime

from flask import Blueprint, Response, request

from forge.actions import milestones as actions
from forge.actions.milestones import MilestoneEdit
from forge.errors import Invalid
from forge.host import Act
from forge.records import Milestone
from forge.rest.answer import empty, paged, reply, sliced
from forge.rest.request import Body, act, body, host, page, view
from forge.shapes import milestones as shapes
from forge.shapes import people
from forge.store import issues, milestones
from forge.store.milestones import MilestoneFilter

routes = Blueprint("milestones", __name__)
BASE = "/repos/<owner>/<name>/milestones"
ONE = f"{BASE}/<int:number>"


def _shaped(acting: Act, found: Milestone) -> people.Json:
    return shapes.milestone(view(), acting.repo, found)


def _time(given: Body, field: str) -> str | None:
    text = given.optional_text(field)
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError as wrong:
        raise given.failure(field, "invalid", f"{text!r:.60} is not an ISO 8601 time") from wrong
    if at is None:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _edit(given: Body) -> MilestoneEdit:
    values: dict[str, object] = {}
    if "title" in given:
        values["title"] = given.text("title")
    if "description" in given:
        values["description"] = given.optional_text("description")
    if "due_on" in given:
        values["due_on"] = _time(given, "due_on")
    if "state" in given:
        values["state"] = given.choice("state", ("open", "closed"))
    return MilestoneEdit.model_validate(values)


def named(acting: Act, given: Body) -> Milestone | None:
    """The milestone that a request names by its number in the field `milestone`; None for null."""
    value = given.values.get("milestone") or None  # clients also write an empty text for none
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        value = int(value)
    number = Body(given.resource, {"milestone": value}).number("milestone")
    if number is None:
        return None
    with host().db.read() as db:
        found = milestones.by_number(db, acting.repo, number)
    if found is None:
        raise Invalid.field(given.resource, "milestone", "invalid", f"there is no milestone {number} here")
    return found


@routes.get(BASE)
def list_milestones(owner: str, name: str) -> Response:
    """A repository's milestones, the open ones by their date unless asked otherwise."""
    acting, args = act(owner, name), request.args
    wanted = MilestoneFilter(
        state=args.get("state", "open"), sort=args.get("sort", "due_on"), direction=args.get("direction", "asc")
    )
    with host().db.read() as db:
        found = milestones.listed(db, acting.repo, wanted, page())
    return paged(found, page(), lambda each: _shaped(acting, each))


@routes.post(BASE)
def create_milestone(owner: str, name: str) -> Response:
    """Make a milestone."""
    acting, given = act(owner, name, "write"), body("Milestone")
    given.text("title")
    return reply(_shaped(acting, actions.create(acting, _edit(given))), 201)


@routes.get(ONE)
def get_milestone(owner: str, name: str, number: int) -> Response:
    """One milestone."""
    acting = act(owner, name)
    return reply(_shaped(acting, actions.find(acting, number)))


@routes.patch(ONE)
def edit_milestone(owner: str, name: str, number: int) -> Response:
    """Change, close or reopen a milestone."""
    acting = act(owner, name, "write")
    found = actions.find(acting, number)
    return reply(_shaped(acting, actions.edit(acting, found, _edit(body("Milestone")))))


@routes.delete(ONE)
def delete_milestone(owner: str, name: str, number: int) -> Response:
    """Remove a milestone; its issues stay."""
    acting = act(owner, name, "write")
    actions.delete(acting, actions.find(acting, number))
    return empty()


@routes.get(f"{ONE}/labels")
def list_labels(owner: str, name: str, number: int) -> Response:
    """The labels of all that is under a milestone."""
    acting = act(owner, name)
    found = actions.find(acting, number)
    with host().db.read() as db:
        labels = issues.labels_under(db, found)
    return sliced(labels, page(), lambda each: people.label(view(), acting.repo, each))
