"""One way out of an environment whose network stays closed: to one port of this host's loopback.

A relay inside passes connections from a local port to a Unix socket in a folder that the host shares; the gateway
here passes them on to the port. Nothing else can be reached through it.
"""

import socket
from functools import partial
from pathlib import Path

from devctl.relays import Relay
from devctl.unix_sockets import listen_unix

_CONNECT_SECONDS = 10.0
INSIDE_PORT = 8765
"""The port that programs inside connect to."""


class Gateway(Relay):
    """Passes connections from a Unix socket to a port of this host; a context manager that closes it."""

    def __init__(self, path: Path, port: int) -> None:
        """Listen at a path in a folder of the environment's own; raises OSError."""
        self._path = path
        super().__init__(listen_unix(path), partial(_connected, port), f"gateway to port {port}")

    def close(self) -> None:
        """Close the socket and all connections; safe to repeat."""
        super().close()
        self._path.unlink(missing_ok=True)


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), _CONNECT_SECONDS)
    connection.settimeout(None)
    return connection
