"""Labels of repositories and of issues."""

import re

from flask import Blueprint, Response

from forge.actions import issues as actions
from forge.errors import Invalid, NotFound
from forge.host import Act
from forge.records import Label
from forge.rest.answer import empty, paged, reply, sliced
from forge.rest.request import Body, act, body, host, page, parsed, view
from forge.shapes import people
from forge.store import issues
from forge.text import checked_text

routes = Blueprint("labels", __name__)
BASE = "/repos/<owner>/<name>"
_COLOR = re.compile(r"[0-9a-fA-F]{6}")


def _shaped(acting: Act, label: Label) -> people.Json:
    return people.label(view(), acting.repo, label)


def _found(acting: Act, label: str) -> Label:
    with host().db.read() as db:
        found = issues.label_named(db, acting.repo, label)
    if found is None:
        raise NotFound()
    return found


def _color(given: Body, default: str) -> str:
    color = given.text("color", default)
    if not _COLOR.fullmatch(color):
        raise Invalid.field("Label", "color", "invalid", "color must be six hexadecimal digits")
    return color.lower()


@routes.get(f"{BASE}/labels")
def list_labels(owner: str, name: str) -> Response:
    """The labels of a repository."""
    acting = act(owner, name)
    with host().db.read() as db:
        found = issues.labels(db, acting.repo, page())
    return paged(found, page(), lambda label: _shaped(acting, label))


@routes.post(f"{BASE}/labels")
def create_label(owner: str, name: str) -> Response:
    """Add a label."""
    acting = act(owner, name, "write")
    given = body("Label")
    wanted = actions.checked_label(given.text("name"))
    description = checked_text("Label", "description", given.text("description", ""), 100) or None
    with host().db.write() as db:
        if issues.label_named(db, acting.repo, wanted):
            raise Invalid.field("Label", "name", "already_exists")
        label = issues.create_label(db, acting.repo, wanted, _color(given, issues.DEFAULT_COLOR), description)
    return reply(_shaped(acting, label), 201)


@routes.get(f"{BASE}/labels/<path:label>")
def get_label(owner: str, name: str, label: str) -> Response:
    """One label."""
    acting = act(owner, name)
    return reply(_shaped(acting, _found(acting, label)))


@routes.patch(f"{BASE}/labels/<path:label>")
def edit_label(owner: str, name: str, label: str) -> Response:
    """Change a label."""
    acting = act(owner, name, "write")
    found, given = _found(acting, label), body("Label")
    wanted = actions.checked_label(given.text("new_name", given.text("name", found.name)))
    description = checked_text("Label", "description", given.text("description", found.description or ""), 100)
    color = _color(given, found.color)
    with host().db.write() as db:
        same = issues.label_named(db, acting.repo, wanted)
        if same and same.id != found.id:
            raise Invalid.field("Label", "name", "already_exists")
        sql = "UPDATE labels SET name = ?, color = ?, description = ? WHERE id = ?"
        db.execute(sql, [wanted, color, description or None, found.id])
    return reply(_shaped(acting, _found(acting, wanted)))


@routes.delete(f"{BASE}/labels/<path:label>")
def delete_label(owner: str, name: str, label: str) -> Response:
    """Remove a label from the repository and all its issues."""
    acting = act(owner, name, "write")
    found = _found(acting, label)
    with host().db.write() as db:
        db.execute("DELETE FROM labels WHERE id = ?", [found.id])
    return empty()


def _names() -> list[str]:
    given = parsed()
    values = given.get("labels", []) if isinstance(given, dict) else given
    return Body("Label", {"labels": values}).texts("labels")


def _current(acting: Act, number: int) -> list[str]:
    with host().db.read() as db:
        return [label.name for label in issues.labels_of(db, actions.find(acting, number))]


def _set(acting: Act, number: int, names: list[str]) -> Response:
    labels = actions.set_labels(acting, actions.find(acting, number), names)
    return reply([_shaped(acting, label) for label in labels])


@routes.get(f"{BASE}/issues/<int:number>/labels")
def list_issue_labels(owner: str, name: str, number: int) -> Response:
    """The labels that an issue carries."""
    acting = act(owner, name)
    issue = actions.find(acting, number)
    with host().db.read() as db:
        return sliced(issues.labels_of(db, issue), page(), lambda label: _shaped(acting, label))


@routes.post(f"{BASE}/issues/<int:number>/labels")
def add_issue_labels(owner: str, name: str, number: int) -> Response:
    """Put more labels on an issue."""
    acting = act(owner, name)
    return _set(acting, number, [*_current(acting, number), *_names()])


@routes.put(f"{BASE}/issues/<int:number>/labels")
def set_issue_labels(owner: str, name: str, number: int) -> Response:
    """Make an issue carry just these labels."""
    return _set(act(owner, name), number, _names())


@routes.delete(f"{BASE}/issues/<int:number>/labels")
def clear_issue_labels(owner: str, name: str, number: int) -> Response:
    """Take all labels off an issue."""
    _set(act(owner, name), number, [])
    return empty()


@routes.delete(f"{BASE}/issues/<int:number>/labels/<path:label>")
def remove_issue_label(owner: str, name: str, number: int, label: str) -> Response:
    """Take one label off an issue."""
    acting = act(owner, name)
    names = _current(acting, number)
    kept = [each for each in names if each.lower() != label.lower()]
    if len(kept) == len(names):
        raise NotFound("Label does not exist")
    return _set(acting, number, kept)
