"""The webhook's end: verifies the signature on the raw bytes, has the intake look, and remembers what it has looked at.

A delivery that comes again while it is looked at is looked at twice, which is hearing it once. One that could not be
followed up is tried again, and then left: it counts as new when the code host delivers it again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from flask import Flask, Response, request
from pydantic import JsonValue
from waitress import wasyncore
from waitress.server import create_server

from roadcrew.intake import Intake
from tools.codehost import Comment

logger = logging.getLogger(__name__)

PATH = "/webhooks/github"
LARGEST = 25 * 1024 * 1024
"""Bytes; GitHub caps its payloads at 25 MiB."""

REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")

PAUSES = (0.0, 2.0, 10.0, 60.0)
"""Seconds before each try to follow an event up; the code host may be away, or not know yet what it tells of."""
END_SECONDS = 5.0
"""How long the end of a server waits for answers under way, and then for what is being followed up."""
LOOP_SECONDS = 1.0

Work = Callable[[], None]


class Deliveries(Protocol):
    """Which deliveries were followed up."""

    def was_delivered(self, delivery: str) -> bool:
        """Whether this one was."""

    def delivered(self, delivery: str) -> None:
        """Remember that it was."""


def signature_of(secret: str, body: bytes) -> str:
    """Return the value of X-Hub-Signature-256 for a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def webhook_app(secret: str, intake: Intake, deliveries: Deliveries, later: Callable[[str, Work], None]) -> Flask:
    """Return the app with the one route; ``later`` does the work of a delivery after the answer is out."""
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
        if deliveries.was_delivered(delivery):
            return Response("seen before\n", 200)
        later(delivery, lambda: hear(intake, event, payload))
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
        self, secret: str, intake: Intake, deliveries: Deliveries, host: str = "127.0.0.1", port: int = 0, *,
        pauses: Sequence[float] = PAUSES,
    ) -> None:  # fmt: skip
        """``pauses`` are the seconds before each try to follow an event up."""
        self._known = intake.known_errors
        self._deliveries = deliveries
        self._pauses = tuple(pauses)
        self._ending = threading.Event()
        self._works: set[threading.Thread] = set()
        self._starting = threading.Lock()
        """Held while a thread begins, so that nobody waits for one that has not."""
        app = webhook_app(secret, intake, deliveries, self._later)
        self._map: dict[int, object] = {}
        self._server = create_server(app, map=self._map, host=host, port=port, threads=4, asyncore_use_poll=True)
        self.url = f"http://{host}:{self._server.effective_port}{PATH}"
        self._thread = threading.Thread(target=self._serve, name="webhooks", daemon=True)

    def __enter__(self) -> WebhookServer:
        self._thread.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self._ending.set()
        self._server.pull_trigger()
        self._thread.join()
        self._server.task_dispatcher.shutdown(timeout=END_SECONDS)
        wasyncore.close_all(self._map, ignore_all=True)  # not before: the loop and the answers use what is closed here
        deadline = time.monotonic() + END_SECONDS
        with self._starting:
            works = tuple(self._works)
        for work in works:
            work.join(max(0.0, deadline - time.monotonic()))

    def _serve(self) -> None:
        while not self._ending.is_set():
            wasyncore.loop(timeout=LOOP_SECONDS, use_poll=True, map=self._map, count=1)

    def _later(self, delivery: str, work: Work) -> None:
        thread = threading.Thread(target=self._follow_up, args=[delivery, work], name="webhook-work", daemon=True)
        with self._starting:
            thread.start()
            self._works.add(thread)

    def _follow_up(self, delivery: str, work: Work) -> None:
        """Do the work, again after a pause where it ends in one of our errors; remember it when it is done."""
        try:
            for number, pause in enumerate(self._pauses, 1):
                if pause and self._ending.wait(pause):
                    return
                try:
                    work()
                    self._deliveries.delivered(delivery)
                    return
                except self._known as fault:
                    logger.warning("try %d to follow up the webhook delivery %s failed: %s", number, delivery, fault)
        finally:
            with self._starting:
                self._works.discard(threading.current_thread())


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
