"""TLS for the service: its own port, whose connections go on, decrypted, to the server behind it.

The server behind listens on a port of loopback. It sees connections of ours alone with a caller's address in `peers`;
somebody of this machine who finds that port speaks plain HTTP to it, and needs a token as everywhere.
"""

import logging
import socket
import ssl
from collections.abc import MutableMapping
from pathlib import Path
from typing import NamedTuple

from devctl.connections import Connections
from devctl.errors import SettingsInvalid
from devctl.sides import Encrypted, Plain, pass_on, server_context

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
        self._inside, self._keys, self._peers = inside, keys, peers
        self._patience = patience or Patience()
        self._connections = Connections(listener, self._serve, "devctl-tls", self._patience.connections)

    def start(self) -> None:
        """Begin to accept."""
        self._connections.start()

    def close(self) -> None:
        """Accept no more and end all connections; safe to repeat."""
        self._connections.close()

    def _serve(self, connection: socket.socket, address: str) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pass_on(Encrypted(connection, self._keys.context(), self._patience.handshake), address)

    def _pass_on(self, caller: Encrypted, address: str) -> None:
        with socket.create_connection(self._inside, _CONNECT_SECONDS) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # It stays when the connection has ended: a request may be judged later, and the caller who goes at once
            # must not pass for somebody of this machine. There are no more of them than ports.
            self._peers[connection.getsockname()[1]] = address
            pass_on(caller, Plain(connection), self._patience.stalled)
            caller.close()
