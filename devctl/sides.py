"""The sides of a connection that is passed on, each with what waits to be sent; used by one thread.

One SSL socket may not be read and written by two threads at once, so TLS is done over buffers in memory.
"""

import contextlib
import selectors
import socket
import ssl
import time

CHUNK = 65_536
MOST_WAITING = 1_048_576
"""Bytes on their way to one side before no more are taken from the other."""


def server_context() -> ssl.SSLContext:
    """How every TLS server of devctl speaks; its certificate is still to be loaded."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


class Plain:
    """A connection as it is."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.socket = connection
        self.waiting = bytearray()
        """What the network has not taken yet."""
        self.ended = False
        """Whether the other end sends no more."""
        self._last = False

    def receive(self) -> bytes:
        """What has come; nothing when nothing has, or it has ended."""
        try:
            data = self.socket.recv(CHUNK)
        except BlockingIOError:
            return b""
        self.ended = not data
        return data

    def send(self, data: bytes) -> None:
        """Have it sent; `flush` sends it."""
        self.waiting += data

    def flush(self) -> None:
        """Send what the network takes."""
        with contextlib.suppress(BlockingIOError):
            while self.waiting:
                del self.waiting[: self.socket.send(self.waiting[:CHUNK])]
            if self._last:
                self.socket.shutdown(socket.SHUT_WR)
                self._last = False

    def end_sending(self) -> None:
        """Say, after what waits, that nothing more comes; what the other end sends is still taken."""
        self._last = True

    def close(self) -> None:
        """End the connection."""
        self.socket.close()


class Encrypted(Plain):
    """A connection under TLS."""

    def __init__(
        self, connection: socket.socket, context: ssl.SSLContext, seconds: float, server: str | None = None
    ) -> None:
        """Shake hands within `seconds`: as the client of the host `server`, else as the server. Raises OSError."""
        super().__init__(connection)
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._goes, server_side=server is None, server_hostname=server)
        self._shake_hands(time.monotonic() + seconds)
        connection.setblocking(False)

    def receive(self) -> bytes:
        data = super().receive()
        if data:
            self._came.write(data)
        parts = []
        with contextlib.suppress(ssl.SSLWantReadError):
            try:
                while part := self._tls.read(CHUNK):
                    parts.append(part)
                self.ended = True
            except ssl.SSLZeroReturnError:
                self.ended = True
        self.waiting += self._goes.read()
        return b"".join(parts)

    def send(self, data: bytes) -> None:
        if data:  # a write of nothing would look like an end to TLS
            self._tls.write(data)
            self.waiting += self._goes.read()

    def end_sending(self) -> None:
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self.waiting += self._goes.read()

    def close(self) -> None:
        """Say under TLS that it is the end, where the network takes that at once, and end the connection."""
        with contextlib.suppress(OSError):
            self.end_sending()
            self.flush()
        super().close()

    def _shake_hands(self, deadline: float) -> None:
        while True:
            wants = False
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                wants = True
            finally:  # an alert is told too
                self.socket.settimeout(max(0.001, deadline - time.monotonic()))
                self.socket.sendall(self._goes.read())
            if not wants:
                return
            if time.monotonic() >= deadline:
                raise TimeoutError("hands were not shaken in time")
            data = self.socket.recv(CHUNK)
            if not data:
                raise ConnectionResetError("it ended while hands were shaken")
            self._came.write(data)


def pass_on(near: Plain, far: Plain, stalled: float | None = None) -> None:
    """Pass bytes on both ways until the far end has ended and all it sent has been taken.

    An end of the near one is passed on too. Raises OSError, of them TimeoutError where nothing moves for `stalled`
    seconds while something waits to be taken.
    """
    told = False
    with selectors.PollSelector() as selector:
        _move(near, far)  # what came with the end of a handshake
        while not (far.ended and not near.waiting):
            if near.ended and not told:
                _move(far, near)  # TLS tells an end where nothing waits unread
                far.end_sending()
                far.flush()
                told = True
            for one, other in ((near, far), (far, near)):
                _watch(selector, one, other)
            waits = bool(near.waiting or far.waiting)
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


def _watch(selector: selectors.BaseSelector, one: Plain, other: Plain) -> None:
    events = selectors.EVENT_READ if not one.ended and len(other.waiting) < MOST_WAITING else 0
    events |= selectors.EVENT_WRITE if one.waiting else 0
    watched = one.socket in selector.get_map()
    if events and watched:
        selector.modify(one.socket, events, (one, other))
    elif events:
        selector.register(one.socket, events, (one, other))
    elif watched:
        selector.unregister(one.socket)
