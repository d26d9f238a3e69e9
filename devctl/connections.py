"""What comes to a listening socket: each connection is served in a thread, until all are ended together."""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from typing import Self

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.1


class Connections:
    """Takes connections from `start` on and until it is closed; a context manager."""

    def __init__(
        self,
        listener: socket.socket,
        serve: Callable[[socket.socket, str], None],
        name: str,
        most: int | None = None,
        turn_away: Callable[[socket.socket], None] = lambda connection: None,
    ) -> None:
        """Have `serve` called with each connection and its peer's host, empty of a Unix socket, in a thread called `name`.

        The connection is closed after it; an OSError of it is the connection's end. What comes while `most` are open is
        given to `turn_away`, which must not wait, and closed.
        """
        self._listener, self._serve, self._name = listener, serve, name
        self._most, self._turn_away = most, turn_away
        self._lock = threading.Lock()
        self._closed = False
        self._full = False
        self._served: set[socket.socket] = set()
        self._held: set[socket.socket] = set()

    def start(self) -> None:
        """Begin to take connections."""
        threading.Thread(target=self._accept, name=self._name, daemon=True).start()

    def hold(self, connection: socket.socket) -> None:
        """Have a connection of ours to elsewhere end with the others, until it is dropped."""
        with self._lock:
            self._held.add(connection)
            closed = self._closed
        if closed:
            _shut(connection)

    def drop(self, connection: socket.socket) -> None:
        """Close a connection that was held."""
        with self._lock:
            self._held.discard(connection)
        connection.close()

    def refuse(self) -> None:
        """Take no more; those that are open go on. Safe to repeat."""
        with self._lock:
            self._closed = True
        _shut(self._listener)
        self._listener.close()

    def close(self) -> None:
        """Take no more and end all; safe to repeat."""
        self.refuse()
        with self._lock:
            connections = self._served | self._held
        for one in connections:
            _shut(one)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError as error:
                if self._closed:
                    return
                log.warning("a connection could not be accepted: %s", error)
                threading.Event().wait(_PAUSE_SECONDS)  # out of files, for as long as others are open
                continue
            peer = str(address[0]) if isinstance(address, tuple) else ""
            if self._takes(connection):
                threading.Thread(target=self._run, args=(connection, peer), name=self._name, daemon=True).start()

    def _takes(self, connection: socket.socket) -> bool:
        with self._lock:
            was_full, self._full = self._full, self._most is not None and len(self._served) >= self._most
            if not (self._full or self._closed):
                self._served.add(connection)
                return True
        if self._full:
            if not was_full:  # one line, and not one for each that comes
                log.warning("%s: connections are turned away: %s are open", self._name, self._most)
            with contextlib.suppress(OSError):
                self._turn_away(connection)
        connection.close()
        return False

    def _run(self, connection: socket.socket, peer: str) -> None:
        try:
            self._serve(connection, peer)
        except OSError as error:
            log.debug("%s: a connection ended: %s", self._name, error)
        finally:
            with self._lock:
                self._served.discard(connection)
            connection.close()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
