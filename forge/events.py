"""Handing an event to the hooks that asked for it, in the transaction of the change itself."""

from collections.abc import Mapping
from typing import Any

from forge.host import Act
from forge.shapes import people, repositories
from forge.store import hooks

SUPPORTED = (
    "commit_comment",
    "create",
    "delete",
    "issue_comment",
    "issues",
    "milestone",
    "ping",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "release",
    "status",
)


def emit(act: Act, event: str, payload: Mapping[str, Any]) -> None:
    """Queue an event for every active hook of the repository that wants it."""
    with act.host.db.write() as db:
        wanting = [
            hook
            for hook in hooks.of_repository(db, act.repo).items
            if hook.active and (event in hook.events or "*" in hook.events)
        ]
        if not wanting:
            return
        view = act.view
        full = {
            "repository": repositories.repository(view, act.repo),
            "sender": people.user(view, act.user),
            **payload,
        }
        for hook in wanting:
            hooks.enqueue(db, hook, event, full)
        act.host.db.after_commit(act.host.sender.wake)
