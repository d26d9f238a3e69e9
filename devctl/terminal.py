"""This program's own terminal joined to a command that runs elsewhere: keys, output, window size."""

import contextlib
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from devctl.errors import DevctlError

_CHUNK = 65_536


class Stream(Protocol):
    """What of a command's stream is needed here."""

    def read(self) -> tuple[int, bytes] | None: ...

    def write(self, data: bytes) -> None: ...

    def close_input(self) -> None: ...

    def resize(self, rows: int, columns: int) -> None: ...

    def wait(self) -> int: ...


def window_size() -> tuple[int, int]:
    """Rows and columns of this terminal."""
    size = shutil.get_terminal_size()
    return size.lines, size.columns


def attach(stream: Stream, *, tty: bool, take_input: bool) -> int:
    """Join standard input and output to a command until it ends; returns its status."""
    with _raw_terminal(tty and sys.stdin.isatty()), _resizing(stream, tty):
        if take_input:
            threading.Thread(target=_feed, args=(stream,), daemon=True).start()
        else:
            stream.close_input()
        while (part := stream.read()) is not None:
            target = sys.stderr.buffer if part[0] == 2 else sys.stdout.buffer
            target.write(part[1])
            target.flush()
    return stream.wait()


def _feed(stream: Stream) -> None:
    with contextlib.suppress(DevctlError, OSError):  # it takes no more: it has ended, or its output says what is wrong
        while data := os.read(0, _CHUNK):
            stream.write(data)
        stream.close_input()


@contextmanager
def _raw_terminal(wanted: bool) -> Iterator[None]:
    """Pass every key on as it is, and put the terminal back at the end."""
    if not wanted:
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(0)
    try:
        tty.setraw(0, termios.TCSADRAIN)  # what was typed ahead stays
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextmanager
def _resizing(stream: Stream, wanted: bool) -> Iterator[None]:
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGWINCH, lambda *_: stream.resize(*window_size()))
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
