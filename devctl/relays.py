"""Connections that are passed on as they are: to a program inside an environment, or from one to this machine."""

import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Callable
from typing import Self

from devctl.connections import Connections
from devctl.errors import DevctlError, PortTaken

log = logging.getLogger(__name__)

_CHUNK = 65_536


class Relay:
    """Passes each connection of a listening socket on, both ways; a context manager that ends all of them."""

    def __init__(self, listener: socket.socket, connect: Callable[[], socket.socket], name: str) -> None:
        """Begin at once. `connect` makes the stream that a connection leads to."""
        self._connect = connect
        self._name = name
        self._connections = Connections(listener, self._serve, name)
        self._connections.start()

    def close(self) -> None:
        """Listen no more and end all connections; safe to repeat."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, near: socket.socket, peer: str) -> None:
        try:
            far = self._connect()
        except (DevctlError, OSError) as error:
            log.warning("%s: a connection could not be passed on: %s", self._name, error)
            return
        self._connections.hold(far)
        try:
            back = threading.Thread(target=_pump, args=(far, near), name=self._name, daemon=True)
            back.start()
            _pump(near, far)
            back.join()
        finally:
            self._connections.drop(far)


class Forward(Relay):
    """A port of this machine's loopback that leads to a port inside an environment."""

    def __init__(self, connect: Callable[[], socket.socket], local: int = 0) -> None:
        """Listen on 127.0.0.1; `local` 0 takes any free port. `connect` makes a stream to what is inside.

        Raises PortTaken.
        """
        try:
            listener = socket.create_server(("127.0.0.1", local), backlog=64)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise PortTaken(
                f"port {local} of this machine cannot be had: {error.strerror}",
                "name another one after the port inside: 0 takes any that is free",
            ) from error
        self.port: int = listener.getsockname()[1]
        super().__init__(listener, connect, f"port {self.port}")


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
