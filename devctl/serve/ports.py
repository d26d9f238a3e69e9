"""A connection to a port inside, as a stream that callers of the service read and write."""

import contextlib
import socket

_CHUNK = 65_536


class SocketStream:
    """A socket with the methods of a command's stream."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def read(self) -> tuple[int, bytes] | None:
        """Wait for bytes; None at the end."""
        data = self._connection.recv(_CHUNK)
        return (1, data) if data else None

    def write(self, data: bytes) -> None:
        """Send them all."""
        self._connection.sendall(data)

    def close_input(self) -> None:
        """Say that no more comes."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def resize(self, rows: int, columns: int) -> None:
        """A connection has no terminal."""

    def wait(self) -> int:
        """It has no status."""
        return 0

    def close(self) -> None:
        """Close it, for whoever reads too."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def __enter__(self) -> "SocketStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
