"""The way to an engine at `tcp://`: each connection to a socket on this machine goes on to it under TLS.

The engine's streams end in one direction before the other. Python's TLS sockets cannot do that, nor be read and
written by two threads at once; here one thread does both for a connection, over buffers in memory.
"""

import contextlib
import logging
import selectors
import socket
import ssl
import tempfile
import threading
import weakref
from pathlib import Path
from urllib.parse import urlsplit

from devctl.errors import HostUnreachable
from devctl.fleet.records import Host
from devctl.sides import CHUNK, MOST_WAITING, Encrypted

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
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(128)
        self.address = f"unix://{path}"
        self._closing = weakref.finalize(self, _end, self._listener, self._folder)
        accepting = threading.Thread(
            target=_accept, args=(self._listener, self._there, self._context), name="tls-accept", daemon=True
        )
        accepting.start()

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


def _accept(listener: socket.socket, there: tuple[str, int], context: ssl.SSLContext) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(near, there, context), name="tls", daemon=True).start()


def _serve(near: socket.socket, there: tuple[str, int], context: ssl.SSLContext) -> None:
    with near:
        try:
            far = _handshaken(there, context)
        except OSError as error:
            log.warning("no connection to the engine at %s:%s: %s", *there, error)
            return
        try:
            _Joined(near, far).pass_on()
        except OSError as error:
            log.debug("a connection to %s:%s ended: %s", *there, error)
        finally:
            far.close()


class _Joined:
    """A connection of this machine and one to the engine, passed on both ways until both have ended."""

    def __init__(self, near: socket.socket, far: Encrypted) -> None:
        near.setblocking(False)
        self._near, self._far = near, far
        self._for_near = b""
        self._near_ended = False

    def pass_on(self) -> None:
        """Pass bytes on until the engine has ended, and all of it has arrived here."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._near, selectors.EVENT_READ)
            selector.register(self._far.socket, selectors.EVENT_READ)
            while not (self._far.ended and not self._for_near):
                self._watch(selector)
                for key, events in selector.select():
                    self._step(key.fileobj is self._near, events)
        with contextlib.suppress(OSError):
            self._near.shutdown(socket.SHUT_RDWR)

    def _watch(self, selector: selectors.BaseSelector) -> None:
        near = selectors.EVENT_READ if not self._near_ended and len(self._far.waiting) < MOST_WAITING else 0
        far = selectors.EVENT_READ if not self._far.ended and len(self._for_near) < MOST_WAITING else 0
        wanted = (
            (self._near, near | (selectors.EVENT_WRITE if self._for_near else 0)),
            (self._far.socket, far | (selectors.EVENT_WRITE if self._far.waiting else 0)),
        )
        for connection, events in wanted:
            watched = connection in selector.get_map()
            if events and watched:
                selector.modify(connection, events)
            elif events:
                selector.register(connection, events)
            elif watched:
                selector.unregister(connection)

    def _step(self, is_near: bool, events: int) -> None:
        if is_near and events & selectors.EVENT_READ:
            self._take_from_near()
        elif not is_near and events & selectors.EVENT_READ:
            self._for_near += self._far.receive()
        if self._for_near:
            with contextlib.suppress(BlockingIOError):
                self._for_near = self._for_near[self._near.send(self._for_near) :]
        self._far.flush()

    def _take_from_near(self) -> None:
        try:
            data = self._near.recv(CHUNK)
        except BlockingIOError:
            return
        if data:
            self._far.send(data)
            return
        self._near_ended = True
        self._for_near += (
            self._far.receive() if not self._far.ended else b""
        )  # an end is told when nothing waits unread
        self._far.end_sending()


def _end(listener: socket.socket, folder: "tempfile.TemporaryDirectory[str]") -> None:
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    folder.cleanup()
