"""What comes to a listening socket is served until all of it is ended together."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from devctl.connections import Connections
from devctl.relays import Forward

SECONDS = 20.0


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def caller(listener: socket.socket) -> socket.socket:
    connection = socket.create_connection(listener.getsockname(), SECONDS)
    connection.settimeout(SECONDS)
    return connection


def echo(connection: socket.socket, peer: str) -> None:
    while data := connection.recv(100):
        connection.sendall(peer.encode() + b" " + data)


def taken(listener: socket.socket, connections: Connections) -> socket.socket:
    """A connection that is being served."""
    one = caller(listener)
    one.sendall(b"hello")
    assert one.recv(100) == b"127.0.0.1 hello"
    return one


def ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def test_what_comes_while_most_are_open_is_turned_away_and_one_that_ends_makes_room() -> None:
    left = threading.Event()

    def serve(connection: socket.socket, peer: str) -> None:
        echo(connection, peer)
        left.set()

    listener = listening()
    with Connections(listener, serve, "test", 1, lambda connection: connection.sendall(b"full")) as connections:
        first = taken(listener, connections)
        with caller(listener) as second:
            assert second.recv(100) == b"full"
            assert ended(second)
        first.close()
        assert left.wait(SECONDS)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:  # the thread has left `serve`, and its place is given back right after
            with caller(listener) as third:
                third.sendall(b"x")
                if (answer := third.recv(100)) != b"full":
                    break
        assert answer == b"127.0.0.1 x"


def test_an_error_ends_its_connection_alone() -> None:
    def serve(connection: socket.socket, peer: str) -> None:
        if connection.recv(1) == b"!":
            raise ConnectionAbortedError("broken")
        connection.sendall(b"well")

    listener = listening()
    with Connections(listener, serve, "test"):
        with caller(listener) as broken:
            broken.sendall(b"!")
            assert ended(broken)
        with caller(listener) as well:
            well.sendall(b"?")
            assert well.recv(100) == b"well"


@pytest.mark.parametrize("end", [Connections.close, Connections.refuse])
def test_refusing_leaves_what_is_open_and_closing_ends_it_with_what_is_held(end: Callable[[Connections], None]) -> None:
    listener = listening()
    connections = Connections(listener, echo, "test")
    connections.start()
    address = listener.getsockname()
    one = taken(listener, connections)
    ours, theirs = socket.socketpair()
    theirs.settimeout(SECONDS)
    connections.hold(ours)

    end(connections)
    end(connections)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, SECONDS)
    if end is Connections.refuse:
        one.sendall(b"still")
        assert one.recv(100) == b"127.0.0.1 still"
        connections.close()
    assert ended(one)
    assert ended(theirs)
    late, other = socket.socketpair()
    other.settimeout(SECONDS)
    connections.hold(late)
    assert ended(other), "what is held too late ends at once"
    for connection in (ours, late):
        connections.drop(connection)
        assert connection.fileno() == -1
    for connection in (one, theirs, other):
        connection.close()


OUT_OF_FILES = """
import os, resource, socket
from devctl.connections import Connections

def serve(connection, peer):
    connection.sendall(b"served")
    connection.recv(100)

def answer(caller, seconds):
    caller.settimeout(seconds)
    try:
        return caller.recv(100).decode()
    except TimeoutError:
        return "waits"

listener = socket.create_server(("127.0.0.1", 0))
callers = [socket.socket() for _ in range(3)]
connections = Connections(listener, serve, "test")
connections.start()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
try:
    while True:
        taken.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
for one in callers:
    one.connect(listener.getsockname())
print(answer(callers[2], 0.5))  # accepting may have had a file for the first of them already
for one in taken:
    os.close(one)
print(answer(callers[2], 20))
"""


def test_being_out_of_files_for_a_while_ends_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OUT_OF_FILES],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.split() == ["waits", "served"], done.stderr


def test_an_end_in_one_direction_leaves_the_other_open() -> None:
    listener = listening()

    def serve(connection: socket.socket, peer: str) -> None:
        said = b""
        while data := connection.recv(100):
            said += data
        connection.sendall(b"all of " + said)

    with (
        Connections(listener, serve, "test"),
        Forward(lambda: caller(listener)) as forward,
        socket.create_connection(("127.0.0.1", forward.port), SECONDS) as one,
    ):
        one.sendall(b"it")
        one.shutdown(socket.SHUT_WR)
        assert one.recv(100) == b"all of it"
        assert ended(one)
