"""Webhooks and their deliveries as JSON; a secret is never shown again."""

import json

from forge.host import View
from forge.records import Delivery, Hook, Repository
from forge.shapes.people import Json


def hook(view: View, repo: Repository, found: Hook) -> Json:
    """A hook."""
    api = view.repo_api(repo, f"/hooks/{found.id}")
    config: Json = {
        "url": found.url,
        "content_type": found.content_type,
        "insecure_ssl": "1" if found.insecure_ssl else "0",
    }
    if found.secret:
        config["secret"] = "********"  # noqa: S105 - GitHub's own mask
    return {
        "type": "Repository",
        "id": found.id,
        "name": "web",
        "active": found.active,
        "events": list(found.events),
        "config": config,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "url": api,
        "test_url": f"{api}/tests",
        "ping_url": f"{api}/pings",
        "deliveries_url": f"{api}/deliveries",
        "last_response": {"code": None, "status": "unused", "message": None},
    }


def delivery(view: View, repo: Repository, found: Delivery, *, full: bool) -> Json:
    """A delivery; the request and response come only in the full form."""
    shaped: Json = {
        "id": found.id,
        "guid": found.guid,
        "delivered_at": found.delivered_at or found.created_at,
        "redelivery": found.redelivery,
        "duration": found.duration,
        "status": found.status,
        "status_code": found.status_code,
        "event": found.event,
        "action": found.action,
        "installation_id": None,
        "repository_id": repo.id,
        "url": view.repo_api(repo, f"/hooks/{found.hook_id}/deliveries/{found.id}"),
    }
    if full:
        shaped["request"] = {"headers": found.request_headers, "payload": json.loads(found.payload)}
        shaped["response"] = {"headers": found.response_headers, "payload": found.response_body}
    return shaped
