"""Commands under bubblewrap as streams: each in a sandbox of its own that ends with all that it started."""

import contextlib
import fcntl
import os
import queue
import selectors
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from devctl.capture import kill_group
from devctl.errors import SandboxFailed

_CHUNK = 65_536
_LOOK_SECONDS = 0.5
Noting = Callable[[int], Path]
"""Writes a process down while it runs; raises EnvironmentGone."""


class QuietLog:
    """The log where there is no main process: nothing, for as long as there is something to wait for."""

    def __init__(self, goes_on: Callable[[], bool]) -> None:
        self._goes_on = goes_on
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        while self._goes_on() and not self._closed.wait(_LOOK_SECONDS):
            yield b""

    def close(self) -> None:
        self._closed.set()


class BubblewrapStream:
    """A command in a sandbox; a thread of its own keeps it, as a sandbox dies with the thread that started it."""

    def __init__(self, start: Callable[["Ends"], subprocess.Popen[bytes]], tty: bool, noting: Noting) -> None:
        """`start` starts it on the ends that it is given; raises SandboxFailed and EnvironmentGone."""
        self._tty = tty
        self._ends = Ends(tty)
        self._parts: queue.Queue[tuple[int, bytes] | None] = queue.Queue(maxsize=64)
        self._started = threading.Event()
        self._error: Exception | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = threading.Event()
        self._input = threading.Lock()
        self._size = threading.Lock()
        """Of its own: a command that reads nothing keeps a writer waiting, and a terminal has a size all the same."""
        self._thread = threading.Thread(target=self._keep, args=(start, noting), name="bwrap-stream", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            self._ends.close()
            raise self._error

    def read(self) -> tuple[int, bytes] | None:
        part = self._parts.get()
        if part is None:
            self._parts.put(None)  # every later call is told too
        return part

    def write(self, data: bytes) -> None:
        with self._input, contextlib.suppress(OSError):
            while data and self._ends.input >= 0:
                data = data[os.write(self._ends.input, data) :]

    def close_input(self) -> None:
        if self._tty:
            return
        with self._input:
            self._ends.close_input()

    def resize(self, rows: int, columns: int) -> None:
        if self._tty:
            with self._size, contextlib.suppress(OSError):
                if self._ends.input >= 0:
                    set_size(self._ends.input, rows, columns)

    def wait(self) -> int:
        self._thread.join()
        code = self._process.returncode if self._process is not None else 1
        return code if code >= 0 else 128 - code

    def close(self) -> None:
        self._closing.set()
        if self._process is not None:
            kill_group(self._process)
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._parts.get(timeout=0.05)
        with contextlib.suppress(queue.Full):
            self._parts.put_nowait(None)  # the end may be among what was dropped, and somebody may wait for it
        with self._input, self._size:
            self._ends.close()

    def __enter__(self) -> "BubblewrapStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self, start: Callable[["Ends"], subprocess.Popen[bytes]], noting: Noting) -> None:
        try:
            process = start(self._ends)
        except (OSError, SandboxFailed) as error:
            self._error = SandboxFailed(f"the sandbox could not start: {error}", "run `devctl doctor`")
            self._started.set()
            return
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
            self._error = error
            self._started.set()
            return
        try:
            note = noting(process.pid)
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
            kill_group(process)
            process.wait()
            self._error = error
            self._started.set()
            return
        self._process = process
        self._started.set()
        try:
            self._collect(process)
            process.wait()
        finally:
            kill_group(process)
            note.unlink(missing_ok=True)
            self._parts.put(None)

    def _collect(self, process: subprocess.Popen[bytes]) -> None:
        """Read until the output has ended, or the process has and nothing more comes."""
        with selectors.DefaultSelector() as selector:
            for number, descriptor in self._ends.outputs.items():
                selector.register(descriptor, selectors.EVENT_READ, number)
            while selector.get_map():
                ready = selector.select(0.2)
                for key, _ in ready:
                    try:
                        data = os.read(key.fd, _CHUNK)
                    except OSError:  # what a terminal answers when its other side is closed
                        data = b""
                    if not data:
                        selector.unregister(key.fd)
                    elif not self._closing.is_set():
                        self._parts.put((key.data, data))
                if not ready and process.poll() is not None:
                    return


class Ends:
    """Our ends and the command's of its input and output: pipes, or a terminal."""

    def __init__(self, tty: bool) -> None:
        if tty:
            master, slave = os.openpty()
            self.input, self.outputs = master, {1: master}
            self.theirs: tuple[int, int, int] = (slave, slave, slave)
        else:
            (in_read, in_write), (out_read, out_write), (err_read, err_write) = os.pipe(), os.pipe(), os.pipe()
            self.input, self.outputs = in_write, {1: out_read, 2: err_read}
            self.theirs = (in_read, out_write, err_write)

    def started(self) -> None:
        """Close the command's ends, which it has inherited."""
        for descriptor in set(self.theirs):
            os.close(descriptor)
        self.theirs = (-1, -1, -1)

    def close_input(self) -> None:
        """Close what the command reads from; a terminal stays."""
        if self.input >= 0 and self.input not in self.outputs.values():
            os.close(self.input)
            self.input = -1

    def close(self) -> None:
        """Close everything; safe to repeat."""
        self.close_input()
        for descriptor in {*self.outputs.values(), *self.theirs} - {-1}:
            os.close(descriptor)
        self.input, self.outputs, self.theirs = -1, {}, (-1, -1, -1)


def set_size(descriptor: int, rows: int, columns: int) -> None:
    """Tell a terminal its size."""
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def launched(argv: Sequence[str], ends: Ends, descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start a process on its ends, in a session of its own."""
    process = subprocess.Popen(
        argv,
        stdin=ends.theirs[0],
        stdout=ends.theirs[1],
        stderr=ends.theirs[2],
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
        cwd="/",
        pass_fds=tuple(descriptors),
        start_new_session=True,
    )
    ends.started()
    return process
