"""Headers on their way through a tunnel: what belongs to one hop, or to the tunnel itself, is taken out."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

Headers = list[tuple[bytes, bytes]]

COOKIE_PREFIX = b"__Host-devctl-"
"""Of the cookies of all tunnels: a browser sends those of other ports of the same host too."""

_HOP = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te"),
    *(b"trailer", b"transfer-encoding", b"upgrade"),
}
_TOLD = {b"forwarded", b"x-real-ip", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-for", b"x-forwarded-port"}
"""What only the tunnel may say to the program inside."""


def values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """All values of a header."""
    return [value for key, value in headers if key == name]


def words(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> set[bytes]:
    """The members of a header that is a list, in small letters."""
    return {word.strip().lower() for value in values(headers, name) for word in value.split(b",")}


def is_websocket(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether both sides are to go on with WebSocket."""
    kept = list(headers)
    return b"upgrade" in words(kept, b"connection") and words(kept, b"upgrade") == {b"websocket"}


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    kept = list(headers)
    left_out = _HOP | words(kept, b"connection")
    framed = bool(values(kept, b"transfer-encoding"))
    result = [(key, value) for key, value in kept if key not in left_out and not (framed and key == b"content-length")]
    if is_websocket(kept):
        result += [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")]
    elif framed:
        result.append((b"transfer-encoding", b"chunked"))
    return result


def for_program(headers: Iterable[tuple[bytes, bytes]], host: bytes, peer: str, token: str) -> Headers:
    """The headers of a request as the program inside gets them: without token, cookie, and what others said of the way."""
    result: Headers = []
    for key, value in _end_to_end(headers):
        if key in _TOLD or key == b"expect":
            continue
        if key == b"cookie":
            value = _other_cookies(value)
            if not value:
                continue
        elif key == b"referer":
            value = without_token(value, token)
        result.append((key, value))
    said = ((b"x-forwarded-proto", b"https"), (b"x-forwarded-host", host), (b"x-forwarded-for", peer.encode()))
    return [*result, *said]


def for_person(headers: Iterable[tuple[bytes, bytes]], host: bytes, version: bytes) -> Headers:
    """The headers of an answer as the person gets them: redirects lead to the link, and cookies of tunnels are ours."""
    result: Headers = []
    for key, value in _end_to_end(headers):
        if key in (b"strict-transport-security", b"alt-svc"):
            continue  # they would bind the whole host, with all its other ports
        if key == b"set-cookie" and value.lstrip().startswith(COOKIE_PREFIX):
            continue
        if key == b"transfer-encoding" and version == b"1.0":
            continue
        if key == b"location" and value.startswith(b"http://" + host + b"/"):
            value = b"https" + value.removeprefix(b"http")
        result.append((key, value))
    return result


def cookies(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """All values that a cookie of that name has."""
    parts = [part.strip() for value in values(headers, b"cookie") for part in value.split(b";")]
    return [part.partition(b"=")[2] for part in parts if part.partition(b"=")[0] == name]


def tokens(target: bytes) -> list[str]:
    """All values of `token` in the query of a request's target."""
    query = target.decode("ascii", "replace").partition("?")[2]
    return [value for key, value in parse_qsl(query, keep_blank_values=True) if key == "token"]


def without_token(address: bytes, token: str) -> bytes:
    """A target or an address without the token of the tunnel; all else stays as it was written."""
    before, mark, query = address.decode("latin-1").partition("?")
    if not mark:
        return address
    parts = [part for part in query.split("&") if not _holds(part, token)]
    return (before + ("?" + "&".join(parts) if parts else "")).encode("latin-1")


def _holds(part: str, token: str) -> bool:
    found = parse_qsl(part, keep_blank_values=True)
    return any(key == "token" and value == token for key, value in found)


def _other_cookies(value: bytes) -> bytes:
    parts = [part.strip() for part in value.split(b";")]
    return b"; ".join(part for part in parts if part and not part.startswith(COOKIE_PREFIX))
