"""Who may pass: the token of the link once, then a cookie; asked for by the right name, and from no other page."""

import hmac
import html
import secrets
from collections.abc import Sequence
from typing import NamedTuple

import h11

from devctl.tunnels import headers as fields

TOKEN_BYTES = 32
_SAFE = (b"GET", b"HEAD")


class Passed(NamedTuple):
    """A request that is passed on."""

    target: bytes
    """Without the token."""
    cookie: bytes
    """What the answer is to set, for one that came with the token."""


class Answered(NamedTuple):
    """A request that the tunnel answers itself; the connection ends with it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Gate:
    """The checks of one tunnel; safe to share between threads."""

    def __init__(self, identity: str, token: str, names: Sequence[str], port: int) -> None:
        """`names` are those by which it may be called, with `port`."""
        self.token = token
        self._cookie = fields.COOKIE_PREFIX + identity.encode()
        self._secret = secrets.token_urlsafe(TOKEN_BYTES).encode()
        self._hosts = {f"{bracketed(name)}:{port}".encode() for name in names}
        if port == 443:
            self._hosts |= {bracketed(name).encode() for name in names}

    def judge(self, request: h11.Request) -> Passed | Answered:
        """Say what becomes of a request."""
        hosts = fields.values(request.headers, b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return refused(421, "This tunnel is not called by that name: use the link as `devctl tunnel` printed it.")
        if not request.target.startswith(b"/"):
            return refused(400, "The request names no path.")
        by_token = self._has_token(request.target)
        if not by_token and not self._has_cookie(request):
            return refused(401, "This needs the token: use the whole link, as `devctl tunnel` printed it.")
        if any(
            origin.lower() != b"https://" + hosts[0].lower() for origin in fields.values(request.headers, b"origin")
        ):
            return refused(403, "The request comes from a page of another origin.")
        if not by_token and _from_elsewhere(request):
            return refused(403, "The request comes from a page of another site.")
        target = fields.without_token(request.target, self.token)
        if by_token and request.method == b"GET" and _reads_pages(request):
            return self._landing(target)
        return Passed(target, self._set_cookie() if by_token else b"")

    def _has_token(self, target: bytes) -> bool:
        wanted = self.token.encode()
        # every one is compared, so that the time says nothing
        return any([hmac.compare_digest(given.encode(), wanted) for given in fields.tokens(target)])

    def _has_cookie(self, request: h11.Request) -> bool:
        given = fields.cookies(request.headers, self._cookie)
        return any([hmac.compare_digest(one, self._secret) for one in given])

    def _set_cookie(self) -> bytes:
        return self._cookie + b"=" + self._secret + b"; Path=/; HttpOnly; Secure; SameSite=Strict"

    def _landing(self, target: bytes) -> Answered:
        """A page that goes on without the token: a redirect would not bring a strict cookie when the link was clicked
        on another site."""
        # two slashes at the front would name another host
        place = html.escape("/" + target.decode("latin-1").lstrip("/\\"))
        page = f'<!doctype html><meta http-equiv="refresh" content="0;url={place}"><a href="{place}">Go on</a>\n'
        return _answer(200, b"text/html; charset=latin-1", page.encode("latin-1"), (b"set-cookie", self._set_cookie()))


def bracketed(name: str) -> str:
    """A host's name or address as links have it."""
    return f"[{name}]" if ":" in name else name.lower()


def refused(status: int, words: str) -> Answered:
    """An answer in words."""
    return _answer(status, b"text/plain; charset=utf-8", f"{words}\n".encode())


def _answer(status: int, kind: bytes, body: bytes, *more: tuple[bytes, bytes]) -> Answered:
    said = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    said += [
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
    ]
    return Answered(status, [*said, *more], body)


def _reads_pages(request: h11.Request) -> bool:
    return b"text/html" in b",".join(fields.values(request.headers, b"accept")) and not fields.is_websocket(
        request.headers
    )


def _from_elsewhere(request: h11.Request) -> bool:
    """Whether a browser says that another site's page asks, other than by a link that a person followed.

    Another port of the same host is the same site to a cookie, though not to us.
    """
    if not set(fields.values(request.headers, b"sec-fetch-site")) & {b"cross-site", b"same-site"}:
        return False
    followed = fields.values(request.headers, b"sec-fetch-mode") == [b"navigate"] and fields.values(
        request.headers, b"sec-fetch-dest"
    ) == [b"document"]
    return not (followed and request.method in _SAFE)
