"""One webhook on its way: its headers, its signature, and what the receiver answered."""

import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from forge.records import Delivery, Hook

RESPONSE_BYTES = 64 * 1024


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
    """Post once, without following redirects; failures become the answer's status text.

    Connecting may take `seconds`, and all that follows as long again, however slowly the receiver goes on.
    """
    parts = urllib.parse.urlsplit(hook.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection: http.client.HTTPConnection | None = None
    late = threading.Event()
    try:
        connection = _connection(parts, seconds, insecure=hook.insecure_ssl)
        connection.connect()
        with _cut_off(connection.sock, seconds, late):
            connection.request("POST", target, body, headers)
            response = connection.getresponse()
            if late.is_set():  # a head that was cut off passes for a whole one
                return Answer("timed out")
            return _answered(response, time.monotonic() + seconds)
    except TimeoutError:
        return Answer("timed out")
    except (OSError, http.client.HTTPException, ValueError) as failure:
        return Answer("timed out" if late.is_set() else f"failed to connect to host: {failure}"[:500])
    finally:
        if connection is not None:
            connection.close()


def _answered(response: http.client.HTTPResponse, deadline: float) -> Answer:
    received = b""
    while len(received) < RESPONSE_BYTES and time.monotonic() < deadline:
        part = response.read1(8192)
        if not part:
            break
        received += part
    text = received.decode("utf-8", "replace")
    verdict = "OK" if 200 <= response.status < 300 else f"Invalid HTTP Response: {response.status}"
    return Answer(verdict, response.status, dict(response.getheaders()), text)


@contextmanager
def _cut_off(held: socket.socket, seconds: float, late: threading.Event) -> Iterator[None]:
    """End a conversation after so many seconds: the socket's own limit begins anew with each byte that comes."""

    def cut() -> None:
        late.set()
        with suppress(OSError):  # it was closed in time
            held.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _connection(parts: urllib.parse.SplitResult, seconds: float, *, insecure: bool) -> http.client.HTTPConnection:
    name = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(name, parts.port, timeout=seconds)
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(name, parts.port, timeout=seconds, context=context)
