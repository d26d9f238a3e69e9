"""Webhooks and their delivery log."""

import json
import urllib.parse

from flask import Blueprint, Response

from forge.errors import Invalid, NotFound
from forge.events import SUPPORTED
from forge.host import Act
from forge.records import Delivery, Hook
from forge.rest.answer import empty, link, paged, reply
from forge.rest.request import Body, act, body, host, page, view
from forge.shapes import hooks as shapes
from forge.shapes import people
from forge.shapes import repositories as repository_shapes
from forge.store import hooks
from forge.store.database import Value
from forge.text import checked_text

routes = Blueprint("hooks", __name__)
BASE = "/repos/<owner>/<name>/hooks"
ONE = f"{BASE}/<int:key>"


def _found(acting: Act, key: int) -> Hook:
    with host().db.read() as db:
        hook = hooks.by_id(db, acting.repo, key)
    if hook is None:
        raise NotFound()
    return hook


def checked_url(url: str) -> str:
    """The address itself; Invalid for one that no hook can be sent to."""
    try:
        parts = urllib.parse.urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or not url.isascii() or any(char <= " " for char in url):
        raise Invalid.field("Hook", "url", "invalid", f"{url[:200]!r} is not an http or https address")
    return checked_text("Hook", "url", url, 2000)


def _config(config: Body) -> dict[str, Value]:
    values: dict[str, Value] = {}
    if "url" in config:
        values["url"] = checked_url(config.text("url"))
    if "content_type" in config:
        values["content_type"] = config.choice("content_type", ("json", "form"))
    if "secret" in config:
        values["secret"] = checked_text("Hook", "secret", config.text("secret", ""), 1000) or None
    if "insecure_ssl" in config:
        values["insecure_ssl"] = str(config.values["insecure_ssl"]) == "1"
    return values


def _events(names: list[str]) -> str:
    for name in names:
        if name != "*" and name not in SUPPORTED:
            message = f"{name[:60]!r} is not an event of this forge: use {', '.join(SUPPORTED)} or *"
            raise Invalid.field("Hook", "events", "invalid", message)
    return json.dumps(list(dict.fromkeys(names)))


@routes.get(BASE)
def list_hooks(owner: str, name: str) -> Response:
    """A repository's hooks."""
    acting = act(owner, name, "admin")
    with host().db.read() as db:
        found = hooks.of_repository(db, acting.repo)
        total = len(found.items)
    wanted = page()
    start = (wanted.number - 1) * wanted.size
    response = reply([shapes.hook(view(), acting.repo, hook) for hook in found.items[start : start + wanted.size]])
    link(response, wanted, total)
    return response


@routes.post(BASE)
def create_hook(owner: str, name: str) -> Response:
    """Add a hook; its first delivery is a ping."""
    acting = act(owner, name, "admin")
    given = body("Hook")
    config = given.part("config")
    if config is None or "url" not in config:
        raise Invalid.field("Hook", "config", "missing_field", "config must contain url")
    values: dict[str, Value] = {"content_type": "form", **_config(config)}
    values["events"] = _events(given.texts("events") or ["push"])
    values["active"] = given.flag("active", default=True)
    with host().db.write() as db:
        for other in hooks.of_repository(db, acting.repo).items:
            if other.url == values["url"] and json.dumps(list(other.events)) == values["events"]:
                message = "Hook already exists on this repository"
                raise Invalid("Validation Failed", [{"resource": "Hook", "code": "custom", "message": message}])
        hook = hooks.create(db, acting.repo, values)
        _ping(acting, hook)
    return reply(shapes.hook(view(), acting.repo, hook), 201)


@routes.get(ONE)
def get_hook(owner: str, name: str, key: int) -> Response:
    """One hook."""
    acting = act(owner, name, "admin")
    return reply(shapes.hook(view(), acting.repo, _found(acting, key)))


@routes.patch(ONE)
def edit_hook(owner: str, name: str, key: int) -> Response:
    """Change a hook."""
    acting = act(owner, name, "admin")
    hook, given = _found(acting, key), body("Hook")
    config = given.part("config")
    values = _config(config) if config is not None else {}
    names = given.texts("events") if "events" in given else list(hook.events)
    added, removed = given.texts("add_events"), set(given.texts("remove_events"))
    values["events"] = _events([each for each in [*names, *added] if each not in removed])
    values["active"] = given.flag("active", default=hook.active)
    with host().db.write() as db:
        hooks.change(db, hook, values)
    return reply(shapes.hook(view(), acting.repo, _found(acting, key)))


@routes.delete(ONE)
def delete_hook(owner: str, name: str, key: int) -> Response:
    """Remove a hook."""
    acting = act(owner, name, "admin")
    hook = _found(acting, key)
    with host().db.write() as db:
        hooks.delete(db, hook)
    return empty()


def _ping(acting: Act, hook: Hook) -> None:
    payload = {
        "zen": "Keep it logically awesome.",
        "hook_id": hook.id,
        "hook": shapes.hook(acting.view, acting.repo, hook),
        "repository": repository_shapes.repository(acting.view, acting.repo),
        "sender": people.user(acting.view, acting.user),
    }
    with host().db.write() as db:
        hooks.enqueue(db, hook, "ping", payload)
        host().db.after_commit(host().sender.wake)


@routes.post(f"{ONE}/pings")
def ping_hook(owner: str, name: str, key: int) -> Response:
    """Send a ping."""
    acting = act(owner, name, "admin")
    _ping(acting, _found(acting, key))
    return empty()


@routes.get(f"{ONE}/deliveries")
def list_deliveries(owner: str, name: str, key: int) -> Response:
    """The delivery log, newest first."""
    acting = act(owner, name, "admin")
    hook = _found(acting, key)
    with host().db.read() as db:
        found = hooks.deliveries(db, hook, page())
    return paged(found, page(), lambda each: shapes.delivery(view(), acting.repo, each, full=False))


def _delivery(acting: Act, key: int, delivery: int) -> Delivery:
    with host().db.read() as db:
        found = hooks.delivery(db, _found(acting, key), delivery)
    if found is None:
        raise NotFound()
    return found


@routes.get(f"{ONE}/deliveries/<int:delivery>")
def get_delivery(owner: str, name: str, key: int, delivery: int) -> Response:
    """One delivery with its request and response."""
    acting = act(owner, name, "admin")
    return reply(shapes.delivery(view(), acting.repo, _delivery(acting, key, delivery), full=True))


@routes.post(f"{ONE}/deliveries/<int:delivery>/attempts")
def redeliver(owner: str, name: str, key: int, delivery: int) -> Response:
    """Send a delivery again under the same guid."""
    acting = act(owner, name, "admin")
    found = _delivery(acting, key, delivery)
    with host().db.write() as db:
        hooks.redeliver(db, found)
        host().db.after_commit(host().sender.wake)
    return reply({}, 202)
