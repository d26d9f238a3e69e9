"""Requests to the web: to judged addresses only, within limits of time and size, and no more to a service that is away."""

from __future__ import annotations

import http.client
import json
import logging
import os
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urljoin

from pydantic import JsonValue

from tools.errors import SourceRefused, SourceUnavailable
from tools.research.addresses import Origin, Target, origin_of, resolve, without_credentials
from tools.research.settings import WebLimits

log = logging.getLogger(__name__)

UNANSWERED = "could not be asked"
"""Stands in every message about a source that is down."""
AGENT = "roadcrew-researcher"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
FAILURES_OF_ONE_AWAY = 2
_CHUNK = 64 * 1024
MOST_VALUES = 3_000_000
"""Parts of a service's JSON: few bytes of an answer can become very many objects in memory."""


class Ask(NamedTuple):
    """One request."""

    url: str
    who: str
    """What the source is called in messages."""
    accept: str = "*/*"
    body: bytes | None = None
    """Sent as JSON by POST; None asks by GET."""
    limit: int = 1024 * 1024
    """Bytes of the answer, unpacked."""
    authorized: bool = True
    """False once we were sent to another origin, which must not see our credentials."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes
    url: str
    """Where it came from after redirects, without credentials."""


class Web:
    """Asks the web; safe to share between threads.

    `trusted` are the origins that the settings name: they alone may lie on a private network. `authorization` goes
    to the origin that is asked, not to where it sends us.
    """

    def __init__(self, limits: WebLimits, trusted: Iterable[Origin] = (), authorization: str | None = None) -> None:
        self.limits = limits
        self._authorization = authorization
        self._trusted = frozenset(trusted)
        self._lock = threading.Lock()
        self._failures: dict[Origin, tuple[int, float]] = {}

    def json(self, ask: Ask) -> JsonValue:
        """Return a service's answer; raises SourceUnavailable, and SourceRefused where it has no such thing (404).

        A service that is busy is asked once more, after as long as it says where that is not too long.
        """
        answer = self.get(ask)
        if answer.status == 429 or answer.status >= 500:
            time.sleep(self._pause(answer, ask))
            answer = self.get(ask)
        if answer.status in (404, 410):
            raise SourceRefused(f"{ask.who} knows no such thing", "check the name and the version")
        if answer.status != 200:
            raise SourceUnavailable(f"{ask.who} {UNANSWERED}: it answers {answer.status}", "go on without it")
        if sum(map(answer.body.count, b",{[")) > MOST_VALUES:
            raise SourceUnavailable(f"{ask.who} {UNANSWERED}: its answer has too many parts", "go on without it")
        try:
            value: JsonValue = json.loads(answer.body)
        except (ValueError, RecursionError) as fault:
            raise SourceUnavailable(f"{ask.who} {UNANSWERED}: its answer is no JSON", "go on without it") from fault
        return value

    def get(self, ask: Ask) -> Answer:
        """Return the answer to a request, redirects followed; raises SourceRefused or SourceUnavailable."""
        url, deadline = ask.url, time.monotonic() + self.limits.seconds
        for _hop in range(self.limits.redirects + 1):
            answer = self._once(ask._replace(url=url), deadline)
            location = answer.headers.get("location", "")
            if answer.status not in REDIRECTS or not location:
                return answer
            if ask.body is not None:
                raise SourceUnavailable(f"{ask.who} {UNANSWERED}: it sends us elsewhere", "mend its address")
            url = urljoin(url, location)
            if origin_of(url) != origin_of(ask.url):
                ask = ask._replace(authorized=False)
        raise SourceRefused(f"{ask.who} sends us on without end", "read another source")

    def _once(self, ask: Ask, deadline: float) -> Answer:
        origin = origin_of(ask.url)
        self._check_not_away(origin, ask)
        target = self._resolved(ask, origin)
        log.info("asks %s for %s", target.host, ask.who)
        try:
            with _connected(target, self.limits, deadline) as connection:
                answer = _exchange(connection, target, ask, self._authorization if ask.authorized else None)
            if time.monotonic() > deadline:  # what was cut at the deadline may look whole
                raise TimeoutError
        except (OSError, http.client.HTTPException, zlib.error, ValueError) as fault:
            self._failed(origin)
            late = time.monotonic() > deadline
            why = f"no whole answer within {self.limits.seconds:g} seconds" if late else _words(fault)
            raise SourceUnavailable(f"{ask.who} {UNANSWERED}: {why}", "go on without it") from fault
        with self._lock:
            self._failures.pop(origin, None)
        return answer

    def _resolved(self, ask: Ask, origin: Origin) -> Target:
        try:
            return resolve(ask.url, self._trusted)
        except SourceUnavailable as fault:
            self._failed(origin)
            raise SourceUnavailable(
                f"{ask.who} {UNANSWERED}: the name {origin[1]} leads nowhere", "go on without it"
            ) from fault

    def _check_not_away(self, origin: Origin, ask: Ask) -> None:
        with self._lock:
            failures, when = self._failures.get(origin, (0, 0.0))
        if failures >= FAILURES_OF_ONE_AWAY and time.monotonic() - when < self.limits.away_seconds:
            raise SourceUnavailable(f"{ask.who} {UNANSWERED}: it did not answer before", "go on without it")

    def _failed(self, origin: Origin) -> None:
        with self._lock:
            self._failures[origin] = (self._failures.get(origin, (0, 0.0))[0] + 1, time.monotonic())

    def _pause(self, answer: Answer, ask: Ask) -> float:
        asked = answer.headers.get("retry-after", "")
        seconds = float(asked) if asked.isascii() and asked.isdigit() else 0.5
        if seconds > self.limits.longest_wait:
            raise SourceUnavailable(
                f"{ask.who} {UNANSWERED}: it answers {answer.status} and wants us back in {asked} seconds",
                "go on without it",
            )
        return seconds


@contextmanager
def _connected(target: Target, limits: WebLimits, deadline: float) -> Iterator[http.client.HTTPConnection]:
    """A connection to the judged address, cut at the deadline even while it drips."""
    left = max(deadline - time.monotonic(), 0.001)
    raw = socket.create_connection((target.address, target.port), timeout=min(limits.connect_seconds, left))
    watch = socket.socket(fileno=os.dup(raw.fileno()))
    timer = threading.Timer(max(deadline - time.monotonic(), 0.001), _cut, [watch])
    timer.daemon = True
    timer.start()
    try:
        raw.settimeout(limits.seconds)
        secure = target.scheme == "https"
        stream = ssl.create_default_context().wrap_socket(raw, server_hostname=target.host) if secure else raw
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = stream
        try:
            yield connection
        finally:
            connection.close()
    finally:
        timer.cancel()
        raw.close()
        watch.close()


def _cut(watch: socket.socket) -> None:
    try:
        watch.shutdown(socket.SHUT_RDWR)
    except OSError:  # it is closed already
        return


def _exchange(connection: http.client.HTTPConnection, target: Target, ask: Ask, authorization: str | None) -> Answer:
    headers = {
        "Host": target.host_header,
        "User-Agent": AGENT,
        "Accept": ask.accept,
        "Accept-Encoding": "gzip",
        "Connection": "close",
    }
    if authorization:
        headers["Authorization"] = authorization
    if ask.body is not None:
        headers["Content-Type"] = "application/json"
    connection.request("GET" if ask.body is None else "POST", target.path, body=ask.body, headers=headers)
    with connection.getresponse() as response:
        named = {name.lower(): value for name, value in response.getheaders()}
        packed = named.get("content-encoding", "").lower() in ("gzip", "x-gzip")
        body = _read(response, ask, packed)
    return Answer(response.status, named, body, without_credentials(ask.url))


def _read(response: http.client.HTTPResponse, ask: Ask, packed: bool) -> bytes:
    """The body, unpacked, up to the limit; a longer one is refused, since half of it says the wrong thing."""
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS) if packed else None
    parts: list[bytes] = []
    size = 0
    while chunk := response.read(_CHUNK):
        plain = unpack.decompress(chunk, ask.limit - size + 1) if unpack else chunk
        parts.append(plain)
        size += len(plain)
        if size > ask.limit:
            raise SourceRefused(f"{ask.who} answers more than {ask.limit} bytes", "read another source")
    if response.length or (unpack is not None and not unpack.eof):
        raise http.client.IncompleteRead(b"")
    return b"".join(parts)


def _words(fault: Exception) -> str:
    if isinstance(fault, TimeoutError):
        return "it does not answer in time"
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({fault.verify_message})"
    if isinstance(fault, http.client.IncompleteRead):
        return "its answer was cut short"
    text = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
    return " ".join(str(text).split())[:200]
