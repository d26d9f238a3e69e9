"""The webhook's end: verifies the signature on the raw bytes, remembers the delivery, and has the intake look."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import threading
from collections.abc import Callable

from flask import Flask, Response, request
from pydantic import JsonValue
from waitress.server import create_server

from roadcrew.intake import Intake
from tools.codehost import Comment

logger = logging.getLogger(__name__)

PATH = "/webhooks/github"
LARGEST = 25 * 1024 * 1024
"""Bytes; GitHub caps its payloads at 25 MiB."""

REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")

Remember = Callable[[str], bool]


def signature_of(secret: str, body: bytes) -> str:
    """Return the value of X-Hub-Signature-256 for a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def webhook_app(
    secret: str, intake: Intake, first_delivery: Remember, later: Callable[[Callable[[], None]], None]
) -> Flask:
    """Return the app with the one route; ``later`` runs the work after the answer is out."""
    app = Flask("roadcrew.webhooks")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST

    @app.get("/healthz")
    def health() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.post(PATH)
    def receive() -> Response:
        body = request.get_data()
        given = request.headers.get("X-Hub-Signature-256", "")
        if not hmac.compare_digest(given.encode(), signature_of(secret, body).encode()):
            return Response("the signature does not fit the body\n", 401)
        delivery, event = (
            request.headers.get("X-GitHub-Delivery", ""),
            request.headers.get("X-GitHub-Event", ""),
        )
        try:
            payload = json.loads(body)
        except ValueError:
            return Response("the body is not JSON\n", 400)
        if not delivery or not isinstance(payload, dict):
            return Response("X-GitHub-Delivery and a JSON object are needed\n", 400)
        if not first_delivery(delivery):
            return Response("seen before\n", 200)
        later(lambda: hear(intake, event, payload))
        return Response("heard\n", 202)

    return app


def hear(intake: Intake, event: str, payload: dict[str, JsonValue]) -> None:
    """Have the intake look at what an event is about; events that mean nothing to us are dropped."""
    repository = _text(payload, "repository", "full_name")
    sender = _text(payload, "sender", "login")
    if not REPOSITORY.fullmatch(repository):
        logger.info("an event %s names no repository", event)
    elif event == "issues" and payload.get("action") in ("labeled", "opened", "reopened"):
        intake.issue(repository, _number(payload, "issue"), sender)
    elif event == "issue_comment" and payload.get("action") == "created":
        intake.comment(repository, _number(payload, "issue"), _comment(payload))
    elif event in ("pull_request", "pull_request_review", "pull_request_review_comment"):
        intake.pull_request(repository, _number(payload, "pull_request"))
    elif event in ("status", "check_run", "check_suite"):
        intake.poll()


class WebhookServer:
    """Serves the webhook route on a thread of its own; the work is done after the answer is out."""

    def __init__(
        self, secret: str, intake: Intake, first_delivery: Remember, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._known = intake.known_errors
        app = webhook_app(secret, intake, first_delivery, self._later)
        self._server = create_server(app, host=host, port=port, threads=4)
        self.url = f"http://{host}:{self._server.effective_port}{PATH}"
        self._thread = threading.Thread(target=self._server.run, name="webhooks", daemon=True)

    def __enter__(self) -> WebhookServer:
        self._thread.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self._server.close()
        self._thread.join(timeout=5)

    def _later(self, work: Callable[[], None]) -> None:
        threading.Thread(target=self._guarded, args=[work], name="webhook-work", daemon=True).start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except self._known as fault:
            logger.warning("a webhook could not be followed up; the next poll will: %s", fault)


def _text(payload: dict[str, JsonValue], outer: str, inner: str) -> str:
    part = payload.get(outer)
    return str(part.get(inner, "")) if isinstance(part, dict) else ""


def _number(payload: dict[str, JsonValue], name: str) -> int:
    part = payload.get(name)
    number = part.get("number") if isinstance(part, dict) else None
    return number if isinstance(number, int) else 0


def _comment(payload: dict[str, JsonValue]) -> Comment:
    part = payload.get("comment")
    part = part if isinstance(part, dict) else {}
    user = part.get("user")
    author = str(user.get("login", "")) if isinstance(user, dict) else ""
    number = part.get("id")
    return Comment(id=number if isinstance(number, int) else 0, author=author, body=str(part.get("body") or ""), url="")
