"""The way to an engine at `tcp://`: each connection to a socket on this machine goes on to it under TLS.

The engine's streams end in one direction before the other. Python's TLS sockets cannot do that, nor be read and
written by two threads at once; here one thread does both for a connection, over buffers in memory.
"""

import logging
import socket
import ssl
import tempfile
import weakref
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from devctl.connections import Connections
from devctl.errors import HostUnreachable
from devctl.fleet.records import Host
from devctl.sides import Encrypted, Plain, pass_on
from devctl.unix_sockets import listen_unix

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0


class TlsForward:
    """A socket on this machine that leads to an engine; `address` is where it is found."""

    def __init__(self, host: Host) -> None:
        """Try the way once; raises HostUnreachable where the engine is away, or either side does not trust the other.

        The host's folder holds ca.pem, the only authority that is believed, cert.pem and key.pem.
        """
        parts = urlsplit(host.address)
        self._there = (parts.hostname or "", parts.port or 2376)
        try:
            self._context = _context(host.tls or Path())
            _handshaken(self._there, self._context).close()
        except OSError as error:
            raise HostUnreachable(
                f"the host {host.name} cannot be reached at {host.address}: {error}",
                f"start Docker there, and see that the keys in {host.tls} are those of its authority",
            ) from error
        self._folder = tempfile.TemporaryDirectory(prefix="devctl-tls-")
        path = Path(self._folder.name) / "engine"
        self.address = f"unix://{path}"
        connections = Connections(listen_unix(path), partial(_serve, self._there, self._context), "engine-tls")
        connections.start()
        self._closing = weakref.finalize(self, _end, connections, self._folder)

    def ensure(self) -> None:
        """Nothing: each connection finds its own way."""

    def close(self) -> None:
        """Take no more connections; safe to repeat."""
        self._closing()


def _context(keys: Path) -> ssl.SSLContext:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        if not (keys / name).is_file():
            raise OSError(f"{keys} holds no {name}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(keys / "ca.pem")
    context.load_cert_chain(keys / "cert.pem", keys / "key.pem")
    return context


def _handshaken(there: tuple[str, int], context: ssl.SSLContext) -> Encrypted:
    connection = socket.create_connection(there, CONNECT_SECONDS)
    try:
        return Encrypted(connection, context, CONNECT_SECONDS, there[0])
    except BaseException:
        connection.close()
        raise


def _serve(there: tuple[str, int], context: ssl.SSLContext, near: socket.socket, peer: str) -> None:
    try:
        far = _handshaken(there, context)
    except OSError as error:
        log.warning("no connection to the engine at %s:%s: %s", *there, error)
        return
    try:
        pass_on(Plain(near), far)
    finally:
        far.close()


def _end(connections: Connections, folder: "tempfile.TemporaryDirectory[str]") -> None:
    connections.refuse()
    folder.cleanup()
