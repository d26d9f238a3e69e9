"""Milestones as JSON."""

from forge.host import View
from forge.records import Milestone, Repository
from forge.shapes.people import Json, node_id, user_by_id
from forge.store import milestones


def milestone(view: View, repo: Repository, found: Milestone) -> Json:
    """A milestone with the counts of what is under it."""
    api = view.repo_api(repo, f"/milestones/{found.number}")
    return {
        "id": found.id,
        "node_id": node_id("Milestone", found.id),
        "url": api,
        "html_url": view.repo_html(repo, f"/milestone/{found.number}"),
        "labels_url": f"{api}/labels",
        "number": found.number,
        "title": found.title,
        "description": found.description,
        "state": found.state,
        "creator": user_by_id(view, found.creator_id),
        "open_issues": milestones.count(view.db, found, "open"),
        "closed_issues": milestones.count(view.db, found, "closed"),
        "due_on": found.due_on,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "closed_at": found.closed_at,
    }
