"""A port of this machine's loopback that leads to a port inside an environment."""

import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Callable

from devctl.errors import DevctlError, PortTaken

log = logging.getLogger(__name__)

_CHUNK = 65_536


class Forward:
    """Listens, and passes each connection on; a context manager that ends all of them."""

    def __init__(self, connect: Callable[[], socket.socket], local: int = 0) -> None:
        """Listen on 127.0.0.1; `local` 0 takes any free port. `connect` makes a stream to what is inside.

        Raises PortTaken.
        """
        self._connect = connect
        try:
            self._listener = socket.create_server(("127.0.0.1", local), backlog=64)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise PortTaken(
                f"port {local} of this machine cannot be had: {error.strerror}",
                "name another one after the port inside: 0 takes any that is free",
            ) from error
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name=f"forward-{self.port}", daemon=True).start()

    def close(self) -> None:
        """Close the port and all connections; safe to repeat."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "Forward":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                outer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(outer,), daemon=True).start()

    def _serve(self, outer: socket.socket) -> None:
        try:
            inner = self._connect()
        except (DevctlError, OSError) as error:
            log.warning("a connection to port %s could not be passed on: %s", self.port, error)
            outer.close()
            return
        with self._lock:
            self._open |= {outer, inner}
        back = threading.Thread(target=_pump, args=(inner, outer), daemon=True)
        back.start()
        _pump(outer, inner)
        back.join()
        with self._lock:
            self._open -= {outer, inner}
        outer.close()
        inner.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
