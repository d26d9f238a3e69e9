"""An address on this host for a server inside an environment whose network stays closed.

A relay inside passes connections from a Unix socket, in a folder that the host shares, to the server's port;
the relay here passes connections from a loopback port to that socket.
"""

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from devctl.errors import ServeFailed

log = logging.getLogger(__name__)

_BACKLOG = 64


class Background:
    """A server's process, kept by a thread of its own: a sandbox dies with the thread that started it."""

    def __init__(self, run: Callable[["Background"], None], name: str) -> None:
        self.output: Callable[[], str] = lambda: ""
        """Gives what the server printed so far; set by `run`."""
        self.cancel: Callable[[], None] = lambda: None
        """Ends the server; set by `run`."""
        self.error: Exception | None = None
        self.started = threading.Event()
        """Set by `run` once `cancel` and `output` are."""
        self._thread = threading.Thread(target=self._keep, args=(run,), name=name, daemon=True)
        self._thread.start()

    def _keep(self, run: Callable[["Background"], None]) -> None:
        try:
            run(self)
        except (OSError, RuntimeError, ServeFailed) as error:
            self.error = error
        finally:
            self.started.set()

    @property
    def alive(self) -> bool:
        """Whether the server still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the server and wait for its thread."""
        self.started.wait(30)
        self.cancel()
        self._thread.join(30)


class Served:
    """A server inside an environment and its address on this host's loopback; a context manager."""

    def __init__(self, url: str, background: Background, relay: "HostRelay | None") -> None:
        self.url = url
        """Ends with a slash, for example http://127.0.0.1:41234/."""
        self._background = background
        self._relay = relay

    @property
    def alive(self) -> bool:
        """Whether the server still runs."""
        return self._background.alive

    def output(self) -> str:
        """What the server printed so far, cut in the middle when it is long."""
        return self._background.output()

    def stop(self) -> None:
        """End the server and close the address; safe to repeat."""
        if self._relay is not None:
            self._relay.close()
        self._background.stop()

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class HostRelay:
    """Passes connections from a port on this host's loopback to a Unix socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name=f"relay-{self.port}", daemon=True).start()

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
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                outer, _ = self._listener.accept()
            except OSError:
                return
            try:
                inner = connect_unix(self._path)
            except OSError as error:
                log.warning("nothing answers behind port %s: %s", self.port, error)
                outer.close()
                continue
            with self._lock:
                self._open |= {outer, inner}
            threading.Thread(target=self._relay, args=(outer, inner), daemon=True).start()

    def _relay(self, outer: socket.socket, inner: socket.socket) -> None:
        back = threading.Thread(target=_pump, args=(inner, outer), daemon=True)
        back.start()
        _pump(outer, inner)
        back.join()
        with self._lock:
            self._open -= {outer, inner}
        outer.close()
        inner.close()


def connect_unix(path: Path) -> socket.socket:
    """Connect to a Unix socket whose path may be longer than the 107 bytes an address holds."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(f"/proc/self/fd/{folder}/{path.name}")
        except OSError:
            connection.close()
            raise
        return connection
    finally:
        os.close(folder)


def wait_until_served(background: Background, path: Path, seconds: float) -> None:
    """Wait until the relay inside offers its socket; raises ServeFailed."""
    deadline = time.monotonic() + seconds
    background.started.wait(seconds)
    while not path.is_socket():
        if background.error is not None:
            raise ServeFailed(f"the server could not be started: {background.error}", background.output())
        if not background.alive:
            raise ServeFailed(
                "the server ended before it listened",
                background.output(),
                "read its output and the port it takes",
            )
        if time.monotonic() > deadline:
            output = background.output()
            background.stop()
            raise ServeFailed(
                f"the server did not listen within {seconds:g} s",
                output,
                "check the port, or allow it more time",
            )
        time.sleep(0.02)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
