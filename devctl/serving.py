"""An address on this host for a server inside an environment whose network stays closed.

A relay inside passes connections from a Unix socket, in a folder that the host shares, to the server's port;
a forward here passes connections from a loopback port to that socket.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from devctl.errors import ServeFailed
from devctl.relays import Forward
from devctl.unix_sockets import connect_unix


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

    def __init__(self, url: str, background: Background, forward: Forward | None) -> None:
        self.url = url
        """Ends with a slash, for example http://127.0.0.1:41234/."""
        self._background = background
        self._forward = forward

    @property
    def alive(self) -> bool:
        """Whether the server still runs."""
        return self._background.alive

    def output(self) -> str:
        """What the server printed so far, cut in the middle when it is long."""
        return self._background.output()

    def stop(self) -> None:
        """End the server and close the address; safe to repeat."""
        if self._forward is not None:
            self._forward.close()
        self._background.stop()

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def served_from(background: Background, path: Path, seconds: float) -> Served:
    """Wait until the relay inside offers its socket, and lead a port of loopback to it; raises ServeFailed."""
    _wait(background, path, seconds)
    forward = Forward(partial(connect_unix, path))
    return Served(f"http://127.0.0.1:{forward.port}/", background, forward)


def _wait(background: Background, path: Path, seconds: float) -> None:
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
