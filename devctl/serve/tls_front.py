"""TLS for the service: its own port, whose connections go on, decrypted, to the server behind it.

The server behind listens on a port of loopback. It sees connections of ours alone with a caller's address in `peers`;
somebody of this machine who finds that port speaks plain HTTP to it, and needs a token as everywhere.
"""

import contextlib
import logging
import selectors
import socket
import ssl
import threading
from collections.abc import MutableMapping
from pathlib import Path
from typing import NamedTuple

from devctl.errors import SettingsInvalid
from devctl.sides import MOST_WAITING, Encrypted, Plain, server_context

log = logging.getLogger(__name__)

_CONNECT_SECONDS = 10.0


class Patience(NamedTuple):
    """What a caller may take."""

    handshake: float = 10.0
    """Seconds for shaking hands."""
    stalled: float = 120.0
    """Seconds in which nothing moves while something waits to be taken."""
    connections: int = 1_000
    """At once; more are ended unheard."""


class ServerKeys:
    """The service's certificate with its chain, and its key; read again when the files are others."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises SettingsInvalid where they cannot be used."""
        self._files = (certificate, key)
        self._seen = self._look()
        self._context = self._read()

    def context(self) -> ssl.SSLContext:
        """What hands are shaken with; a renewed certificate is taken, and a broken one leaves the last that worked."""
        try:
            seen = self._look()
            if seen != self._seen:
                self._seen, self._context = seen, self._read()
                log.info("the certificate %s was read again", self._files[0])
        except SettingsInvalid as error:
            log.warning("the renewed certificate is not taken: %s", error)
        return self._context

    def _look(self) -> tuple[tuple[int, int, int], ...]:
        try:
            return tuple((at.st_ino, at.st_size, at.st_mtime_ns) for at in (file.stat() for file in self._files))
        except OSError as error:
            raise SettingsInvalid(
                f"{error.filename} cannot be read: {error.strerror}", "check --tls-certificate and --tls-key"
            ) from error

    def _read(self) -> ssl.SSLContext:
        context = server_context()
        try:
            context.load_cert_chain(*self._files, password="")  # of an encrypted key nobody is asked the password
        except OSError as error:  # SSLError too
            raise SettingsInvalid(
                f"{self._files[0]} and {self._files[1]} are no certificate and its key: {error.strerror or error}",
                "give PEM files: the certificate with its chain, and the key of it without a password",
            ) from error
        return context


class TlsFront:
    """Accepts until it is closed; each connection has a thread of its own."""

    def __init__(
        self, listener: socket.socket, inside: tuple[str, int], keys: ServerKeys, peers: MutableMapping[int, str],
        patience: Patience | None = None,
    ) -> None:  # fmt: skip
        """Pass the connections of `listener` on to `inside`, from `start` on; `peers` says whose each is, by its port."""
        self._listener, self._inside, self._keys, self._peers = listener, inside, keys, peers
        self._patience = patience or Patience()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Begin to accept."""
        threading.Thread(target=self._accept, name="devctl-tls", daemon=True).start()

    def close(self) -> None:
        """Accept no more and end all connections; safe to repeat."""
        with self._lock:
            self._closed, connections, self._open = True, self._open, set()
        for one in (self._listener, *connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError as error:
                if self._closed:
                    return
                log.warning("a connection could not be accepted: %s", error)
                threading.Event().wait(0.1)  # out of files, for as long as others are open
                continue
            with self._lock:
                full = self._closed or len(self._open) >= self._patience.connections
                if not full:
                    self._open.add(connection)
            if full:
                connection.close()
                continue
            context = self._keys.context()
            threading.Thread(
                target=self._serve, args=(connection, context, str(address[0])), name="devctl-tls", daemon=True
            ).start()

    def _serve(self, connection: socket.socket, context: ssl.SSLContext, address: str) -> None:
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pass_on(Encrypted(connection, context, self._patience.handshake), address)
        except OSError as error:
            log.debug("a connection from %s ended: %s", address, error)
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _pass_on(self, caller: Encrypted, address: str) -> None:
        with socket.create_connection(self._inside, _CONNECT_SECONDS) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # It stays when the connection has ended: a request may be judged later, and the caller who goes at once
            # must not pass for somebody of this machine. There are no more of them than ports.
            self._peers[connection.getsockname()[1]] = address
            _join(caller, Plain(connection), self._patience.stalled)
            caller.close()


def _join(caller: Encrypted, server: Plain, stalled: float) -> None:
    """Pass bytes on until one side has ended and what it sent has arrived; raises TimeoutError."""
    with selectors.PollSelector() as selector:
        for one, other in ((caller, server), (server, caller)):
            selector.register(one.socket, selectors.EVENT_READ, (one, other))
        _move(caller, server)  # what came with the end of the handshake
        while not ((caller.ended and not server.waiting) or (server.ended and not caller.waiting)):
            for one, other in ((caller, server), (server, caller)):
                reads = selectors.EVENT_READ if not one.ended and len(other.waiting) < MOST_WAITING else 0
                _watch(selector, one, other, reads | (selectors.EVENT_WRITE if one.waiting else 0))
            waits = bool(caller.waiting or server.waiting)
            ready = selector.select(stalled if waits else None)
            if waits and not ready:
                raise TimeoutError(f"nothing was taken for {stalled:g} s")
            for key, events in ready:
                one, other = key.data
                if events & selectors.EVENT_READ:
                    _move(one, other)
                one.flush()


def _move(one: Plain, other: Plain) -> None:
    if data := one.receive():
        other.send(data)
        other.flush()


def _watch(selector: selectors.BaseSelector, one: Plain, other: Plain, events: int) -> None:
    watched = one.socket in selector.get_map()
    if events and watched:
        selector.modify(one.socket, events, (one, other))
    elif events:
        selector.register(one.socket, events, (one, other))
    elif watched:
        selector.unregister(one.socket)
