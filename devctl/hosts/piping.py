"""A stream of a command's input and output as a socket."""

import contextlib
import socket
import threading

from devctl.hosts.engine import ExecStream

_CHUNK = 65_536


def as_socket(stream: ExecStream, first: bytes = b"") -> socket.socket:
    """Return one end of a socket pair whose other end is the command; closing it ends the command."""
    ours, theirs = socket.socketpair()
    Piping(stream, theirs, first).begin()
    return ours


class Piping:
    """Two threads that pass bytes between a command and a socket, until either has ended."""

    def __init__(self, stream: ExecStream, connection: socket.socket, first: bytes) -> None:
        self._stream = stream
        self._socket = connection
        self._first = first

    def begin(self) -> None:
        """Start both threads."""
        threading.Thread(target=self._outward, name="pipe-out", daemon=True).start()
        threading.Thread(target=self._inward, name="pipe-in", daemon=True).start()

    def _outward(self) -> None:
        try:
            with contextlib.suppress(OSError):
                if self._first:
                    self._socket.sendall(self._first)
                while (part := self._stream.read()) is not None:
                    if part[0] == 1:
                        self._socket.sendall(part[1])
        finally:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._stream.close()
            self._socket.close()

    def _inward(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := self._socket.recv(_CHUNK):
                self._stream.write(data)
            self._stream.close_input()
