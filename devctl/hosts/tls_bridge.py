"""A TLS connection as a plain socket whose two directions are closed one at a time.

Python's own TLS socket cannot say that no more input comes and go on reading, and must not be used by two threads at
once. One thread owns it here; everybody else has the plain end of a socket pair.
"""

import contextlib
import select
import socket
import ssl
import threading

_CHUNK = 65_536
_AGAIN = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


def bridged(tls: ssl.SSLSocket, first: bytes) -> socket.socket:
    """Return the plain end; `first` is what was read from the connection already. It takes over the connection."""
    ours, theirs = socket.socketpair()
    threading.Thread(target=_Bridge(tls, theirs, first).run, name="tls-bridge", daemon=True).start()
    return ours


class _Bridge:
    def __init__(self, tls: ssl.SSLSocket, plain: socket.socket, first: bytes) -> None:
        self._tls = tls
        self._plain = plain
        self._outward = b""  # for the connection
        self._inward = first  # for us
        self._open = True
        """Whether more may come from us."""
        tls.setblocking(False)
        plain.setblocking(False)

    def run(self) -> None:
        """Pass bytes both ways until the other side has ended, or ours has gone."""
        with contextlib.suppress(OSError):
            while self._step():
                pass
        for connection in (self._plain, self._tls):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _step(self) -> bool:
        """Wait until something can be done, and do it; False at the end."""
        reading = [*([self._plain] if self._open and not self._outward else []), *([] if self._inward else [self._tls])]
        writing = [*([self._tls] if self._outward else []), *([self._plain] if self._inward else [])]
        waiting = 0.0 if not self._inward and self._tls.pending() else None
        readable, writable, _ = select.select(reading, writing, [], waiting)
        if self._plain in writable:
            self._inward = self._inward[self._plain.send(self._inward) :]
        if self._tls in writable:
            with contextlib.suppress(*_AGAIN):
                self._outward = self._outward[self._tls.send(self._outward) :]
        if self._plain in readable:
            self._take()
        if self._tls in readable or waiting == 0.0:
            return self._receive()
        return True

    def _take(self) -> None:
        """Take what we say, or that we say no more."""
        self._outward = self._plain.recv(_CHUNK)
        if not self._outward:
            self._open = False
            with contextlib.suppress(*_AGAIN):
                self._tls.unwrap()  # sends the word of the end; that of the other side is not waited for

    def _receive(self) -> bool:
        try:
            self._inward = self._tls.recv(_CHUNK)
        except _AGAIN:
            return True
        return bool(self._inward)


def buffered(tls: ssl.SSLSocket, reader: object) -> bytes:
    """What a reader of the connection has taken and not given yet."""
    tls.setblocking(False)
    peek = getattr(reader, "peek", None)
    with contextlib.suppress(*_AGAIN):
        return bytes(peek(1)) if peek is not None else b""
    return b""
