"""The SDK's way over a Unix socket, with two flaws mended: a socket that does not connect is closed, and one pool of
connections serves all addresses of an engine, where the SDK keeps one for each.
"""

import socket
import threading
from typing import Any

from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool


class _Connection(UnixHTTPConnection):
    def connect(self) -> None:
        """Connect; a socket that cannot is closed at once. Raises OSError."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(self.timeout)
        try:
            sock.connect(self.unix_socket)
        except OSError:
            sock.close()
            raise
        self.sock = sock


class _Pool(UnixHTTPConnectionPool):
    def __init__(self, socket_path: str, seconds: int, connections: int) -> None:
        super().__init__("http+docker://localhost", socket_path, seconds, connections)
        self._seconds = seconds

    def _new_conn(self) -> Any:
        return _Connection(self.base_url, self.socket_path, self._seconds)


class SocketAdapter(UnixHTTPAdapter):
    """Sends the SDK's requests over one pool of connections to a Unix socket."""

    def __init__(self, address: str, seconds: int, connections: int) -> None:
        super().__init__(f"http+unix://{address.removeprefix('unix:').lstrip('/')}", seconds, 1, connections)
        self._making = threading.Lock()
        self._pool: _Pool | None = None

    def get_connection(self, url: bytes | str, proxies: Any = None) -> Any:
        """Return the one pool."""
        with self._making:
            if self._pool is None:
                self._pool = _Pool(self.socket_path, self.timeout, self.max_pool_size)
            return self._pool

    def close(self) -> None:
        """Close all connections."""
        with self._making:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
        super().close()
