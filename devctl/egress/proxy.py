"""The proxy of one environment: it listens on a Unix socket and lets through what the allow-list names.

It speaks CONNECT and plain HTTP with absolute addresses, looks names up itself, and connects to the very address
that it judged. One request is served per connection, so that nothing can follow one that was allowed.
"""

import logging
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from devctl.connections import Connections
from devctl.egress.conversation import Conversation, Outside
from devctl.egress.rules import Address, AllowList, Verdict, literal_of
from devctl.records import Record
from devctl.unix_sockets import listen_unix

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 64
"""At once, of one environment; what is more is turned away."""

Resolve = Callable[[str, int], Sequence[Address]]


class Decision(Record):
    """What was asked of a proxy and what became of it."""

    environment: str
    host: str
    port: int
    allowed: bool
    reason: str
    address: str = ""
    """What the name was looked up as, where it was allowed."""


def system_resolve(host: str, port: int) -> Sequence[Address]:
    """Look a name up as this machine does; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = (literal_of(str(entry[4][0])) for entry in found)
    return tuple(dict.fromkeys(address for address in addresses if address is not None))


class Proxy:
    """Serves one Unix socket; a context manager that closes it with all connections."""

    def __init__(
        self,
        environment: str,
        path: Path,
        allowed: AllowList,
        record: Callable[[Decision], None],
        resolve: Resolve = system_resolve,
    ) -> None:
        self._environment = environment
        self._allowed = allowed
        self._record = record
        self._resolve = resolve
        self._path = path
        self._connections = Connections(
            listen_unix(path), self._serve, f"egress-{environment}", MOST_CONNECTIONS, _turn_away
        )
        self._connections.start()

    def close(self) -> None:
        """Close the socket and all connections; safe to repeat."""
        self._connections.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, connection: socket.socket, peer: str) -> None:
        Conversation(connection, self).run()

    def judge(self, host: str, port: int) -> Verdict:
        """Decide about a name alone, and write down a no."""
        verdict = self._allowed.of_name(host, port)
        if not verdict.allowed:
            self._tell(host, port, verdict)
        return verdict

    def reach(self, host: str, port: int) -> Outside:
        """Decide, look up, decide about every address, and connect to one of them."""
        verdict = self.judge(host, port)
        if not verdict.allowed:
            return Outside(verdict=verdict)
        literal = literal_of(host)
        try:
            addresses = [literal] if literal is not None else list(self._resolve(host, port))
        except (OSError, UnicodeError) as error:
            self._tell(host, port, verdict)
            return Outside(verdict=verdict, failure=f"the name {host} cannot be looked up: {error}")
        for address in addresses:
            judged = self._allowed.of_address(address, port)
            if not judged.allowed:
                self._tell(host, port, judged)
                return Outside(verdict=judged)
        return self._connect(host, port, addresses, verdict)

    def _connect(self, host: str, port: int, addresses: Sequence[Address], verdict: Verdict) -> Outside:
        failure = f"the name {host} has no address"
        for address in addresses:
            try:
                outside = socket.create_connection((str(address), port), timeout=10)
            except OSError as error:
                failure = f"{host} does not answer at port {port}: {error}"
                continue
            self._connections.hold(outside)
            self._tell(host, port, verdict, str(address))
            return Outside(verdict=verdict, connection=outside)
        self._tell(host, port, verdict)
        return Outside(verdict=verdict, failure=failure)

    def forget(self, outside: socket.socket) -> None:
        """Close a connection that `reach` made."""
        self._connections.drop(outside)

    def _tell(self, host: str, port: int, verdict: Verdict, address: str = "") -> None:
        log.info("%s asked for %s:%d: %s", self._environment, host, port, verdict.reason)
        self._record(
            Decision(
                environment=self._environment,
                host=host[:253],
                port=port,
                allowed=verdict.allowed,
                reason=verdict.reason,
                address=address,
            )
        )


def _turn_away(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 503 Too Many Connections\r\nConnection: close\r\n\r\n")
