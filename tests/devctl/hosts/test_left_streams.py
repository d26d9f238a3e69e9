"""Streams that are left while somebody still uses them."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devctl.capture import MiddleCut
from devctl.hosts.bubblewrap_streams import BubblewrapStream, Ends, launched
from devctl.hosts.draining import run_stream
from devctl.hosts.engine import ExecRequest
from devctl.serve.ports import SocketStream


@contextmanager
def no_thread_left() -> Iterator[None]:
    """Wait for all threads that began meanwhile: a fault that one of them dies of fails the test as a warning."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
        assert not thread.is_alive(), thread.name


def sleeping(ends: Ends) -> "subprocess.Popen[bytes]":
    return launched(["sleep", "600"], ends, ())


def test_input_that_nobody_takes_any_more_is_let_go_of_with_its_command() -> None:
    ours, theirs = socket.socketpair()
    request = ExecRequest(argv=("cat",), stdin=b"x" * 10_000_000, seconds=0.1)
    with theirs, no_thread_left(), SocketStream(ours) as stream:
        assert run_stream(stream, request, MiddleCut(100)) is True, "its time is up first"


@pytest.mark.parametrize("tty", [False, True])
def test_a_command_that_was_ended_takes_sizes_and_input_without_effect(tmp_path: Path, tty: bool) -> None:
    note = tmp_path / "note"
    note.touch()
    with no_thread_left():
        stream = BubblewrapStream(sleeping, tty, lambda pid: note)
        stream.resize(10, 20)
        stream.close()
        stream.resize(30, 40)
        stream.write(b"late")
        stream.close_input()
        stream.close()
        assert stream.read() is None and stream.wait() == 137
