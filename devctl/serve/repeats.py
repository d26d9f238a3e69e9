"""Scrapes whose very bytes came before: a scraper sends the same ones each time, and to parse them costs more than
the answer."""

import hashlib
import time
from typing import TYPE_CHECKING, NamedTuple

from waitress.utilities import build_http_date

from devctl.serve.at_once import Request
from devctl.serve.metrics_route import PATH, bearer, headers_of, may_read, takes_gzip
from devctl.serve.tokens import digest_of

if TYPE_CHECKING:
    from devctl.serve.service import Service

_BEGINNING = f"GET {PATH}".encode()
_MOST_BYTES = 4_096
_MOST_KNOWN = 256


class _Scrape(NamedTuple):
    """What a request asked for."""

    token: bytes
    """The digest of its token: secrets are not kept, nor are the requests that carry them."""
    packed: bool


class Scrapes:
    """Answers scrapes that it has seen parsed, with all checks of the others; for the loop's thread.

    It answers only what is sure: a token that was verified just now, of somebody who may read the page. All else goes
    the usual way, to be verified or refused there.
    """

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._known: dict[bytes, _Scrape] = {}
        self._answers: dict[bool, tuple[bytes, int, bytes]] = {}

    def learn(self, data: bytes, request: Request) -> None:
        """Remember what these bytes ask for, if that is a scrape over a connection that stays open."""
        plain = request.error is None and not request.chunked and not request.content_length
        stays = request.version == "1.1" and not (request.connection_close or request.expect_continue)
        if not (plain and stays and request.path == PATH and _may_be_known(data)):
            return
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        token = digest_of(bearer(request.headers.get("AUTHORIZATION", "")))
        packed = takes_gzip(request.headers.get("ACCEPT_ENCODING", ""))
        self._known[hashlib.sha256(data).digest()] = _Scrape(token, packed)

    def answer(self, data: bytes) -> bytes | None:
        """The whole answer to these bytes; None where they have to be looked at."""
        known = self._known.get(hashlib.sha256(data).digest()) if _may_be_known(data) else None
        user = self._service.tokens.recall(known.token) if known is not None else None
        if known is None or user is None or not may_read(user):
            return None
        return self._whole(self._service.page.page(known.packed), known.packed)

    def _whole(self, body: bytes, packed: bool) -> bytes:
        """The page below its head, which says the time to the second."""
        now = int(time.time())
        made = self._answers.get(packed)
        if made is None or made[0] is not body or made[1] != now:
            headers = sorted([*headers_of(body, packed), ("Date", build_http_date(now))])
            lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in headers), "", ""]
            made = (body, now, "\r\n".join(lines).encode("latin-1") + body)
            self._answers[packed] = made
        return made[2]


def _may_be_known(data: bytes) -> bool:
    return data.startswith(_BEGINNING) and len(data) <= _MOST_BYTES
