"""One way out of an environment whose network stays closed: to one port of this host's loopback.

A relay inside passes connections from a local port to a Unix socket in a folder that the host shares; the gateway
here passes them on to the port. Nothing else can be reached through it.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from pathlib import Path

log = logging.getLogger(__name__)

_BACKLOG = 64
INSIDE_PORT = 8765
"""The port that programs inside connect to."""


class Gateway:
    """Passes connections from a Unix socket to a port of this host; a context manager that closes it."""

    def __init__(self, path: Path, port: int) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        self._port = port
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o666)  # the folder is the environment's own; inside, commands have another uid
        self._listener.listen(_BACKLOG)
        threading.Thread(target=self._accept, name=f"gateway-{port}", daemon=True).start()

    def close(self) -> None:
        """Close the socket and all connections; safe to repeat."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._path.unlink(missing_ok=True)
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            try:
                outer = socket.create_connection(("127.0.0.1", self._port), timeout=10)
            except OSError as fault:
                log.warning("nothing answers at port %d, which an environment asks for: %s", self._port, fault)
                inner.close()
                continue
            outer.settimeout(None)
            with self._lock:
                self._open |= {inner, outer}
            for source, target in ((inner, outer), (outer, inner)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
