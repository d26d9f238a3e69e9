"""What a command prints comes whole, however the engine's answer is cut into pieces on its way."""

import contextlib
import secrets
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from devctl.connections import Connections
from devctl.docker_engine import Engine
from devctl.settings import DevctlSettings
from devctl.unix_sockets import connect_unix, listen_unix
from tests.devctl.engine_relay import ENGINE
from tests.devctl.fleets import IMAGE

pytestmark = pytest.mark.skipif(not IMAGE, reason="ROADCREW_TEST_IMAGE names no image")

SWITCHED = b"HTTP/1.1 101 "


def pass_on_late(near: socket.socket, _peer: str) -> None:
    """Pass a connection on to the engine; the output of a command comes with the head of the answer, in one piece."""
    with connect_unix(ENGINE) as far:
        asking = threading.Thread(target=pump, args=(near, far))
        asking.start()
        while data := far.recv(65_536):
            if data.startswith(SWITCHED):
                while more := far.recv(65_536):
                    data += more
            near.sendall(data)
        near.shutdown(socket.SHUT_RDWR)
        asking.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):  # either has ended
        while data := source.recv(65_536):
            target.sendall(data)


@pytest.fixture
def container() -> Iterator[str]:
    """One that sleeps."""
    name = f"devctl-output-{secrets.token_hex(4)}"
    client = docker.APIClient(timeout=120)
    try:
        client.create_container(IMAGE, command=["sleep", "300"], name=name)
        client.start(name)
        yield name
    finally:
        client.remove_container(name, force=True, v=True)
        client.close()


def test_output_that_comes_with_the_head_of_the_answer_is_not_lost(container: str, tmp_path: Path) -> None:
    path = tmp_path / "e"
    settings = DevctlSettings.from_environment({}, folder=tmp_path, backend="docker", docker_host=f"unix://{path}")
    with Connections(listen_unix(path), pass_on_late, "late"):
        engine, output = Engine(settings), bytearray()
        script = "echo words; head -c 300000 /dev/zero; exit 3"
        assert engine.execute(container, ["sh", "-c", script], {}, output.extend, 60) == 3
        engine.client.close()
    assert bytes(output) == b"words\n" + bytes(300_000)
