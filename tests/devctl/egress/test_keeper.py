"""The keeper of proxies, and the relays inside."""

import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devctl.egress.keeper import Keeper
from devctl.egress.proxy import Decision
from devctl.egress.wishes import WISH, Wish, ask_to_look, read_wishes
from devctl.inside import egress as relay
from tests.devctl.egress.outside import Client, origin, proxy, resolve


@contextmanager
def kept(folder: Path) -> Iterator[list[tuple[Wish, Decision]]]:
    """A keeper that serves a folder; yields what it records."""
    told: list[tuple[Wish, Decision]] = []
    with Keeper(folder, lambda wish, made: told.append((wish, made)), resolve) as keeper:
        thread = threading.Thread(target=keeper.serve, args=(3600.0,))
        thread.start()
        try:
            yield told
        finally:
            keeper.stop()
            ask_to_look(folder)
            thread.join()


def wish_for(folder: Path, name: str, *domains: str) -> Path:
    out = folder / name / "out"
    out.mkdir(parents=True, exist_ok=True)
    wish = Wish(environment=name, name=f"name-{name}", owner="ada", domains=domains)
    (folder / name / WISH).write_text(wish.model_dump_json())
    return out / "proxy.sock"


def test_each_environment_has_a_list_of_its_own(tmp_path: Path) -> None:
    with origin() as server, kept(tmp_path) as told:
        one = wish_for(tmp_path, "e1", f"outside.test:{server.port}", "127.0.0.1")
        two = wish_for(tmp_path, "e2", "other.test")
        assert ask_to_look(tmp_path)
        here = f"http://outside.test:{server.port}/"
        assert Client(one, []).get(here)[0] == 200
        assert Client(two, []).get(here)[0] == 403
        assert [(wish.environment, made.environment, made.allowed) for wish, made in told] == [
            ("e1", "name-e1", True), ("e2", "name-e2", False),
        ]  # fmt: skip


def test_a_changed_wish_counts_from_the_next_look_and_a_gone_one_closes(tmp_path: Path) -> None:
    with origin() as server, kept(tmp_path):
        path = wish_for(tmp_path, "e1", "other.test")
        assert ask_to_look(tmp_path)
        wish_for(tmp_path, "e1", f"outside.test:{server.port}", "127.0.0.1")
        assert ask_to_look(tmp_path)
        assert Client(path, []).get(f"http://outside.test:{server.port}/")[0] == 200
        (tmp_path / "e1" / WISH).unlink()
        assert ask_to_look(tmp_path)
        assert not path.exists()


def test_wishes_survive_their_keeper(tmp_path: Path) -> None:
    path = wish_for(tmp_path, "e1", "other.test")
    for _ in range(2):
        with kept(tmp_path):
            assert ask_to_look(tmp_path)
            assert path.is_socket()
        assert not path.exists()
        assert not ask_to_look(tmp_path)


def test_a_wish_that_cannot_be_read_keeps_no_other_from_being_served(tmp_path: Path) -> None:
    wish_for(tmp_path, "e1", "https://no.entry")
    path = wish_for(tmp_path, "e2", "other.test")
    (tmp_path / "e3").mkdir()
    (tmp_path / "e3" / WISH).write_text("{")
    shutil.copytree(tmp_path / "e2", tmp_path / "e4")
    assert [wish.environment for wish in read_wishes(tmp_path)] == ["e1", "e2"]
    with kept(tmp_path):
        assert ask_to_look(tmp_path)
        assert path.is_socket()


def test_a_keeper_ends_when_nobody_needs_it(tmp_path: Path) -> None:
    with Keeper(tmp_path, lambda *_: None) as keeper:
        keeper.serve(idle_seconds=0)
    assert not list(tmp_path.glob("*.sock"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("kind", ["py", "pl"])
def test_a_relay_stands_beside_the_command_it_becomes(kind: str, tmp_path: Path) -> None:
    program = {"py": sys.executable, "pl": shutil.which("perl")}[kind]
    if program is None:
        pytest.skip("perl is not installed here")
    script = Path(relay.__file__).with_name(f"egress.{kind}")
    code = (
        "import socket, sys\n"
        "for _ in range(2):\n"
        "    end = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "    end.sendall(f'GET http://{sys.argv[2]}/ HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'.encode())\n"
        "    text = b''\n"
        "    while data := end.recv(4096): text += data\n"
        "    print(text[-5:].decode())\n"
        "sys.exit(7)\n"
    )
    with origin() as server, proxy(tmp_path, f"outside.test:{server.port}", "127.0.0.1"):
        port, here = str(free_port()), f"outside.test:{server.port}"
        argv = [program, str(script), str(tmp_path / "p.sock"), port, sys.executable, "-c", code, port, here]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
        output, _ = process.communicate(timeout=60)
        relays = subprocess.run(["pgrep", "-f", str(tmp_path / "p.sock")], capture_output=True, text=True, check=False)
        for number in relays.stdout.split():
            subprocess.run(["kill", number], check=False)
    assert (output, process.returncode) == ("hello\nhello\n", 7)
    assert relays.stdout.split()
