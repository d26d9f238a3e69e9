"""Making and changing milestones, and putting issues under them."""

from typing import Literal

from forge.actions import issues as issue_actions
from forge.errors import Invalid, NotFound
from forge.events import emit
from forge.host import Act
from forge.records import Issue, Milestone, Record
from forge.shapes import milestones as shapes
from forge.store import issues, milestones
from forge.store.database import now
from forge.text import checked_text, checked_title


class MilestoneEdit(Record):
    """New values for a milestone; a field that is not set stays as it is."""

    title: str = ""
    description: str | None = None
    due_on: str | None = None
    state: Literal["open", "closed"] = "open"


def find(act: Act, number: int) -> Milestone:
    """The milestone with this number, or NotFound."""
    with act.host.db.read() as db:
        found = milestones.by_number(db, act.repo, number)
    if found is None:
        raise NotFound()
    return found


def _announce(act: Act, found: Milestone, action: str, **more: object) -> None:
    emit(act, "milestone", {"action": action, "milestone": shapes.milestone(act.view, act.repo, found), **more})


def _free_title(act: Act, title: str, own: Milestone | None = None) -> str:
    clean = checked_title("Milestone", title)
    with act.host.db.read() as db:
        same = milestones.titled(db, act.repo, clean)
    if same is not None and (own is None or same.id != own.id):
        raise Invalid.field("Milestone", "title", "already_exists")
    return clean


def _description(text: str | None) -> str | None:
    return None if text is None else checked_text("Milestone", "description", text)


def create(act: Act, wanted: MilestoneEdit) -> Milestone:
    """Make a milestone."""
    creator = act.need("write").user
    with act.host.db.write() as db:
        title = _free_title(act, wanted.title)
        made = milestones.create(db, act.repo, creator, title, _description(wanted.description), wanted.due_on)
        if wanted.state == "closed":
            made = milestones.change(db, made, state="closed", closed_at=now())
        _announce(act, made, "created")
    return made


def edit(act: Act, found: Milestone, wanted: MilestoneEdit) -> Milestone:
    """Change the fields that are set, with one event for what is written and one for the state."""
    act.need("write")
    with act.host.db.write() as db:
        values: dict[str, str | None] = {}
        if "title" in wanted.model_fields_set:
            values["title"] = _free_title(act, wanted.title, found)
        if "description" in wanted.model_fields_set:
            values["description"] = _description(wanted.description)
        if "due_on" in wanted.model_fields_set:
            values["due_on"] = wanted.due_on
        before = found.model_dump()
        changed = {name: value for name, value in values.items() if value != before[name]}
        if changed:
            found = milestones.change(db, found, **changed)
            _announce(act, found, "edited", changes={name: {"from": before[name] or ""} for name in changed})
        if "state" in wanted.model_fields_set and wanted.state != found.state:
            closing = wanted.state == "closed"
            found = milestones.change(db, found, state=wanted.state, closed_at=now() if closing else None)
            _announce(act, found, "closed" if closing else "opened")
    return found


def delete(act: Act, found: Milestone) -> None:
    """Remove a milestone; its issues are under none then."""
    act.need("write")
    with act.host.db.write() as db:
        _announce(act, found, "deleted")
        milestones.delete(db, found)


def put_under(act: Act, issue: Issue, wanted: Milestone | None) -> Issue:
    """Put an issue under a milestone, or under none; without triage nothing changes, as at GitHub."""
    with act.host.db.write() as db:
        before = milestones.of_issue(db, issue)
        if not act.may("triage") or before == wanted:
            return issue
        issue = issues.change(db, issue, milestone_id=wanted.id if wanted else None)
        if before is not None:
            shaped = shapes.milestone(act.view, act.repo, before)
            issue_actions.announce(act, issue, "demilestoned", milestone=shaped)
        if wanted is not None:
            shaped = shapes.milestone(act.view, act.repo, wanted)
            issue_actions.announce(act, issue, "milestoned", milestone=shaped)
    return issue
