"""A command of a remote environment as a stream both ways, which goes on after a broken connection."""

import base64
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator

from devctl.client.wire import Wire, place
from devctl.errors import DevctlError, EnvironmentGone, ServiceUnreachable

_TRIES = 3
_LINGER_SECONDS = 10.0
"""How long the far side may go on to send after ours has ended."""
_CHUNK = 65_536


class RemoteStream:
    """What `open_exec` returns; a context manager that ends the command."""

    def __init__(self, wire: Wire, identity: str) -> None:
        self._wire = wire
        self._id = identity
        self._input = wire.line()
        self._last = 0
        self._code: int | None = None
        self._pieces = self._read_all()
        self._closed = False

    def read(self) -> tuple[int, bytes] | None:
        """Wait for output; None at its end."""
        return next(self._pieces, None)

    def write(self, data: bytes) -> None:
        """Give it input."""
        self._input.send(place("execs", self._id, "input"), data)

    def close_input(self) -> None:
        """Say that no more input comes."""
        self._input.send(place("execs", self._id, "input", end=True), b"")

    def resize(self, rows: int, columns: int) -> None:
        """Tell its terminal a new size."""
        self._wire.json("POST", place("execs", self._id, "resize"), {"rows": rows, "columns": columns})

    def wait(self) -> int:
        """Return its status when its output has ended."""
        while self.read() is not None:
            pass
        return 1 if self._code is None else self._code

    def close(self) -> None:
        """End it; safe to repeat."""
        if not self._closed:
            self._closed = True
            try:
                self._wire.json("DELETE", place("execs", self._id))
            finally:
                self._input.close()

    def __enter__(self) -> "RemoteStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_all(self) -> Iterator[tuple[int, bytes]]:
        failures = 0
        while failures < _TRIES:
            try:
                before = self._last
                yield from self._read_once()
                return
            except (OSError, http.client.HTTPException, ServiceUnreachable):
                failures = 0 if self._last > before else failures + 1
        raise ServiceUnreachable(f"the output of {self._id} broke off", "look whether the service still runs")

    def _read_once(self) -> Iterator[tuple[int, bytes]]:
        """Read one connection to the last event; raises HTTPException where it ends before."""
        with self._wire.answer("GET", place("execs", self._id, "output", after=self._last), endless=True) as response:
            while line := response.readline():
                if not line.strip():
                    continue
                event = json.loads(line)
                self._last = event["number"]
                if event.get("data") is not None:
                    yield event["stream"], base64.b64decode(event["data"])
                    continue
                self._code = event.get("exit_code")
                if event.get("error"):
                    raise EnvironmentGone(f"the command broke off: {event['error']}", "`devctl inspect` shows why")
                return
        raise http.client.IncompleteRead(b"")


def as_socket(stream: RemoteStream) -> socket.socket:
    """A socket whose bytes go through a stream; closing it ends the stream."""
    ours, theirs = socket.socketpair()
    reader = threading.Thread(target=_carry_in, args=(ours, stream), daemon=True)
    reader.start()
    threading.Thread(target=_carry_out, args=(ours, stream, reader), daemon=True).start()
    return theirs


def _carry_in(ours: socket.socket, stream: RemoteStream) -> None:
    with contextlib.suppress(OSError, DevctlError):
        while (piece := stream.read()) is not None:
            ours.sendall(piece[1])
    with contextlib.suppress(OSError):
        ours.shutdown(socket.SHUT_WR)


def _carry_out(ours: socket.socket, stream: RemoteStream, reader: threading.Thread) -> None:
    """Carry to the end of what is sent, wait for what comes back, and leave nothing open on either side."""
    with contextlib.suppress(OSError, DevctlError):
        while data := ours.recv(_CHUNK):
            stream.write(data)
        stream.close_input()
    reader.join(_LINGER_SECONDS)
    with contextlib.suppress(OSError, DevctlError):
        stream.close()
    reader.join()
    ours.close()
