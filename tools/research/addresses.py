"""Which addresses may be asked: public ones, and the very hosts that the settings name.

A name is resolved once, and the connection goes to the address that was judged: a name server that answers
differently the second time changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from tools.errors import SourceRefused, SourceUnavailable

PORTS = {"http": 80, "https": 443}
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""Prefixes under which a translator reaches any IPv4 address, private ones included."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Target(NamedTuple):
    """A URL taken apart, and the address that a connection for it goes to."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query."""
    address: str

    @property
    def host_header(self) -> str:
        """The host as HTTP names it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"


Origin = tuple[str, str, int]
"""Scheme, host and port."""


def origin_of(url: str) -> Origin:
    """Return where a URL leads; raises SourceRefused for one that cannot be asked."""
    parts = _split(url)
    return parts.scheme, _host(parts), parts.port or PORTS[parts.scheme]


def resolve(url: str, trusted: Iterable[Origin] = ()) -> Target:
    """Return the target of a URL; raises SourceRefused unless it is public or of a trusted origin.

    Raises SourceUnavailable when the name leads nowhere.
    """
    parts = _split(url)
    origin = origin_of(url)
    addresses = _addresses(origin[1], origin[2])
    if origin not in set(trusted):
        # One private address among public ones is how a name server leads astray.
        for address in addresses:
            if not _public(ipaddress.ip_address(address.partition("%")[0])):
                raise SourceRefused(f"{origin[1]} is not on the public network", "read another source")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(*origin, path=_quoted(path), address=addresses[0])


def without_credentials(url: str) -> str:
    """Return a URL that may be shown: no user, no password, no fragment."""
    parts = _split(url)
    name = _host(parts)
    shown = f"[{name}]" if ":" in name else name
    port = f":{parts.port}" if parts.port and parts.port != PORTS[parts.scheme] else ""
    return parts._replace(netloc=f"{shown}{port}", fragment="").geturl()


def _split(url: str) -> SplitResult:
    if any(sign.isspace() or not sign.isprintable() for sign in url):
        raise SourceRefused(f"{url[:200]!r} is no address", "give one that was found")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        raise SourceRefused(f"{url[:200]!r} is no address", "give one that was found") from fault
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise SourceRefused(f"{url[:200]!r} is no http or https address", "give one that was found")
    return parts


def _host(parts: SplitResult) -> str:
    name = (parts.hostname or "").rstrip(".")
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError as fault:
        raise SourceRefused(f"{name[:200]!r} is no host's name", "give an address that was found") from fault


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as fault:
        raise SourceUnavailable(f"{host} could not be asked: its name leads nowhere", "read another source") from fault
    return [str(entry[4][0]) for entry in found]


def _public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return _public(inner)
        if any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


def _quoted(path: str) -> str:
    """Return a path in ASCII, as a request line needs it."""
    from urllib.parse import quote

    return quote(path, safe="/%?&=+,;:@!$'()*~#[]-._")
