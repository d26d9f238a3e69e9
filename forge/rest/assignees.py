"""Who can be, and who is, assigned to issues and pull requests."""

from flask import Blueprint, Response, request

from forge.actions import assigning
from forge.actions import issues as issue_actions
from forge.errors import NotFound
from forge.rest.answer import empty, reply, sliced
from forge.rest.request import act, body, host, page, view
from forge.shapes import issues as shapes
from forge.shapes import people
from forge.store import assignees

routes = Blueprint("assignees", __name__)
BASE = "/repos/<owner>/<name>"


@routes.get(f"{BASE}/assignees")
def list_possible(owner: str, name: str) -> Response:
    """To whom issues can be assigned."""
    acting = act(owner, name)
    with host().db.read() as db:
        return sliced(assignees.possible(db, acting.repo), page(), lambda user: people.user(view(), user))


@routes.get(f"{BASE}/assignees/<login>")
def is_possible(owner: str, name: str, login: str) -> Response:
    """204 when issues can be assigned to a person, else 404."""
    if not assigning.named(act(owner, name), [login], strict=False):
        raise NotFound()
    return empty()


@routes.route(f"{BASE}/issues/<int:number>/assignees", methods=["POST", "DELETE"])
def change(owner: str, name: str, number: int) -> Response:
    """Assign more people, or fewer; those to whom nothing can be assigned are passed over, as GitHub does."""
    acting = act(owner, name, "triage")
    issue = issue_actions.find(acting, number)
    wanted = assigning.named(acting, body("Issue").texts("assignees"), strict=False)
    more = request.method == "POST"
    issue = (assigning.assign if more else assigning.unassign)(acting, issue, wanted)
    return reply(shapes.issue(view(), acting.repo, issue), 201 if more else 200)
