"""The server of one tunnel: it listens, serves each connection in a thread, and asks its row every second."""

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import h11

from devctl.connections import Connections
from devctl.errors import DevctlError, StateUnavailable
from devctl.sides import Encrypted
from devctl.tunnels.conversation import Conversation, Patience
from devctl.tunnels.exchange import Program, Traffic
from devctl.tunnels.gate import Gate
from devctl.tunnels.records import Beat

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 128
_LOOK_SECONDS = 1.0
_BLIND_SECONDS = 60.0
"""A tunnel that cannot ask whether it was closed for so long takes it that it was."""
_GONE = ("failed", "removing", "removed")


class Doors(NamedTuple):
    """What a server needs of the world outside it."""

    dial: Callable[[], socket.socket]
    """A stream to the port inside."""
    beat: Callable[[int, int], Beat | None]
    """Says that it lives and what it has carried; the row's answer, None without a row."""
    note: Callable[[], None]
    """Called when bytes have flowed since the last time."""
    end: Callable[[str], None]
    """Writes down why it was closed."""


class TunnelServer:
    """A context manager; `wait` keeps it open. Only requests that the gate lets through reach the port inside."""

    def __init__(
        self, listener: socket.socket, context: ssl.SSLContext, gate: Gate, doors: Doors, seconds: float,
        patience: Patience | None = None,
    ) -> None:  # fmt: skip
        """Serve on a listening socket for so long; `link` is left to the caller to write."""
        self.link = ""
        """The link with its token, which is nowhere else."""
        self.id = ""
        self._connections = Connections(listener, self._serve, "tunnel", MOST_CONNECTIONS)
        self._context = context
        self._gate, self._doors = gate, doors
        self._deadline = time.monotonic() + seconds
        self._patience = patience or Patience()
        self._traffic = Traffic()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._why = ""
        self._counted = (0, 0)
        self._connections.start()

    def wait(self) -> str:
        """Keep it open until it is closed, from here or by its row, expires or loses its environment; returns why."""
        answered = time.monotonic()
        while not self._closing.wait(_LOOK_SECONDS):
            if time.monotonic() >= self._deadline:
                self.close("its time was up")
                break
            try:
                self._look()
                answered = time.monotonic()
            except StateUnavailable as error:
                log.warning("the tunnel cannot ask whether it was closed: %s", error)
                if time.monotonic() - answered > _BLIND_SECONDS:
                    self.close("the database did not say whether it was closed")
        return self._why

    def close(self, why: str = "its program ended") -> None:
        """Close the port and all connections; the first reason stays. Safe to repeat."""
        with self._lock:
            if self._closing.is_set():
                return
            self._why = why
            self._closing.set()
        self._connections.close()
        try:
            self._doors.end(why)
        except StateUnavailable as error:
            log.warning("that the tunnel was closed could not be written down: %s", error)

    def __enter__(self) -> "TunnelServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _look(self) -> None:
        counted = self._traffic.counted()
        beat = self._doors.beat(*counted)
        if beat is None or beat.phase in _GONE:
            self.close("its environment is gone")
        elif beat.closed:
            self.close(beat.why or "it was closed")
        elif beat.expired:
            self.close("its time was up")
        elif counted != self._counted:
            self._counted = counted
            try:
                self._doors.note()
            except StateUnavailable:
                raise
            except DevctlError as error:
                log.info("bytes of a tunnel were not noted: %s", error)

    def _serve(self, connection: socket.socket, peer: str) -> None:
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            person = Encrypted(connection, self._context, self._patience.handshake)
            try:
                Conversation(person, peer, self._gate, self._dial, self._traffic, self._patience).run()
            finally:
                person.close()
        except h11.ProtocolError as error:
            log.debug("a connection from %s ended: %s", peer, error)

    def _dial(self) -> Program:
        return Program(self._doors.dial())
