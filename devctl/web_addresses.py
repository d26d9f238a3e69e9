"""Addresses of HTTP services, as people write them."""

from typing import NamedTuple
from urllib.parse import urlsplit


class HttpAddress(NamedTuple):
    """The parts of an address."""

    scheme: str
    """`http` or `https`."""
    hostname: str
    port: int | None
    path: str


def http_address(url: str) -> HttpAddress | None:
    """Take an address apart; None for a text that is none of HTTP."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return HttpAddress(parts.scheme, parts.hostname, port, parts.path)
