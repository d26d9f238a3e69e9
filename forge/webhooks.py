"""Sending webhooks: one thread takes deliveries from the queue in order.

Like GitHub it never retries by itself; a person or program asks for a redelivery.
"""

import hashlib
import hmac
import http.client
import json
import logging
import sqlite3
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable

from forge.records import Delivery, Hook
from forge.store import hooks
from forge.store.database import Database, Value

logger = logging.getLogger(__name__)

RESPONSE_BYTES = 64 * 1024
RETRY_SECONDS = 1.0
"""Between attempts to use a database that is locked or has no space."""


def signature(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def encoded(hook: Hook, delivery: Delivery) -> tuple[bytes, dict[str, str]]:
    """The body and headers of a delivery."""
    body = delivery.payload.encode()
    kind = "application/json"
    if hook.content_type == "form":
        body = urllib.parse.urlencode({"payload": delivery.payload}).encode()
        kind = "application/x-www-form-urlencoded"
    headers = {
        "Accept": "*/*",
        "Content-Type": kind,
        "User-Agent": "GitHub-Hookshot/forge",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-ID": str(hook.repo_id),
        "X-GitHub-Hook-Installation-Target-Type": "repository",
    }
    if hook.secret:
        headers["X-Hub-Signature-256"] = signature(hook.secret, body)
        sha1 = hmac.new(hook.secret.encode(), body, hashlib.sha1).hexdigest()
        headers["X-Hub-Signature"] = f"sha1={sha1}"
    return body, headers


class Answer:
    """What the receiver said."""

    def __init__(self, status: str, code: int = 0, headers: dict[str, str] | None = None, body: str = "") -> None:
        self.status = status
        self.code = code
        self.headers = headers or {}
        self.body = body


def post(hook: Hook, body: bytes, headers: dict[str, str], seconds: float) -> Answer:
    """Post once, without following redirects; failures become the answer's status text."""
    parts = urllib.parse.urlsplit(hook.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    deadline = time.monotonic() + seconds
    connection: http.client.HTTPConnection | None = None
    try:
        connection = _connection(parts, seconds, insecure=hook.insecure_ssl)
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        received = b""
        while len(received) < RESPONSE_BYTES and time.monotonic() < deadline:
            part = response.read1(8192)
            if not part:
                break
            received += part
        text = received.decode("utf-8", "replace")
        verdict = "OK" if 200 <= response.status < 300 else f"Invalid HTTP Response: {response.status}"
        return Answer(verdict, response.status, dict(response.getheaders()), text)
    except TimeoutError:
        return Answer("timed out")
    except (OSError, http.client.HTTPException, ValueError) as failure:
        return Answer(f"failed to connect to host: {failure}"[:500])
    finally:
        if connection is not None:
            connection.close()


def _connection(parts: urllib.parse.SplitResult, seconds: float, *, insecure: bool) -> http.client.HTTPConnection:
    name = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(name, parts.port, timeout=seconds)
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(name, parts.port, timeout=seconds, context=context)


class Sender:
    """The thread that empties the queue; what was queued before a crash is sent after the next start."""

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin sending."""
        self._thread.start()
        self.wake()

    def wake(self) -> None:
        """Look at the queue now."""
        self._woken.set()

    def stop(self) -> None:
        """End after the delivery in progress; the rest stays queued."""
        self._stopping.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join(self._seconds + 5)

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait(timeout=5)
            self._woken.clear()
            while not self._stopping.is_set() and self._persist(self._send_one):
                pass
        self._database.close()

    def _persist(self, step: Callable[[], bool]) -> bool:
        """Take a step once the database lets us; False when we were stopped first. No fault of it may end the thread."""
        while True:
            try:
                return step()
            except sqlite3.Error as fault:
                logger.warning("webhooks wait for the database: %s", fault)
            if self._stopping.wait(RETRY_SECONDS):
                return False

    def _send_one(self) -> bool:
        with self._database.read() as db:
            delivery = hooks.next_waiting(db)
            hook = hooks.of_delivery(db, delivery) if delivery else None
        if delivery is None or hook is None:
            return False
        body, headers = encoded(hook, delivery)
        began = time.monotonic()
        answer = post(hook, body, headers, self._seconds)
        took = round(time.monotonic() - began, 3)
        logger.info("delivered %s %s to %s: %s", delivery.event, delivery.guid, hook.url, answer.status)
        values: dict[str, Value] = {
            "status": answer.status,
            "status_code": answer.code,
            "duration": took,
            "request_headers": json.dumps(headers),
            "response_headers": json.dumps(answer.headers),
            "response_body": answer.body,
        }

        def record() -> bool:
            with self._database.write() as db:
                hooks.record_result(db, delivery, values)
            return True

        return self._persist(record)  # by itself: what was sent is not sent again
