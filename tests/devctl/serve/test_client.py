"""The SDK: the same work over the service and in this process."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from devctl.client import Client, LocalClient
from devctl.client.wire import Wire, error_from, error_of
from devctl.errors import (
    LaunchRefused,
    NameTaken,
    NoSuchEnvironment,
    NotRunning,
    PathRefused,
    ServeFailed,
    ServiceUnreachable,
    TokenRefused,
)
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import SecretFile, User
from devctl.serve.problems import problem_of
from devctl.serve.server import Server
from tests.devctl.fleets import ADA, settings_of, wanted
from tests.devctl.serve.services import token_of

LISTEN = "import socket; s=socket.create_server(('127.0.0.1', 8123)); c,_=s.accept(); c.sendall(c.recv(99).upper()); c.close()"


@pytest.fixture(params=["service", "process"])
def client(request: pytest.FixtureRequest, live: Server, fleet: Fleet) -> Iterator[Client | LocalClient]:
    """A client of each kind over the same fleet, for Ada."""
    if request.param == "service":
        with Client(live.url, token_of(live, ADA)) as made:
            yield made
    else:
        yield LocalClient(fleet, ADA, settings_of(fleet))


def test_life_of_an_environment(client: Client | LocalClient, backend: str, tmp_path: Path) -> None:
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "sub" / "note").write_text("hello\n")
    (tmp_path / "key").write_text("s3cret")
    told: list[str] = []
    secrets = (SecretFile(name="key", source=tmp_path / "key"),)
    made = client.up(wanted(backend, "blog", secrets=secrets, labels={"team": "a"}), tmp_path / "tree", told.append)
    assert (made.phase, made.owner) == ("running", "ada") and told
    assert client.me() == ADA
    result = client.exec("blog", ["sh", "-c", "cat sub/note /run/secrets/key -; exit 5"], stdin=b" in")
    assert (result.output, result.exit_code) == ("hello\ns3cret in", 5)
    assert client.exec("blog", ["sleep", "60"], seconds=0.2).timed_out
    assert [one.name for one in client.list(labels={"team": "a"})] == ["blog"] and client.list(labels={"x": "y"}) == []
    until = datetime.now(UTC) + timedelta(hours=1)
    assert client.keep("blog", until).keep_until == until
    assert client.stop("blog").phase == "stopped"
    with pytest.raises(NotRunning):
        client.exec("blog", ["true"])
    assert client.start("blog").phase == "running"
    assert client.pause("blog").phase == "paused"
    client.remove("blog")
    with pytest.raises(NoSuchEnvironment, match="blog"):
        client.get("blog")


def test_files_and_streams(client: Client | LocalClient, backend: str, tmp_path: Path) -> None:
    client.up(wanted(backend, "work"))
    (tmp_path / "one").write_bytes(b"1")
    client.put("work", tmp_path / "one", "deep/two")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "three").write_bytes(b"3")
    client.put("work", tmp_path / "folder", "deep")
    client.exec("work", ["ln", "-s", "/etc", "deep/out"])
    assert client.get_files("work", "deep", tmp_path / "back") == ("out",)
    assert {file.name: file.read_bytes() for file in (tmp_path / "back").iterdir()} == {"two": b"1", "three": b"3"}
    client.get_files("work", "deep/two", tmp_path / "single")
    assert (tmp_path / "single").read_bytes() == b"1"
    with pytest.raises(PathRefused):
        client.get_files("work", "../etc/passwd", tmp_path / "no")
    with client.open_exec("work", ["sh", "-c", "read x; echo got $x; cat; exit 3"]) as stream:
        stream.write(b"one\n")
        stream.write(b"rest")
        stream.close_input()
        output = b""
        while (piece := stream.read()) is not None:
            output += piece[1]
        assert (output, stream.wait()) == (b"got one\nrest", 3)


def test_port_inside_is_a_socket(client: Client | LocalClient, backend: str) -> None:
    client.up(wanted(backend, "net"))
    with pytest.raises(ServeFailed):
        client.connect("net", 8123).recv(1)
    with client.open_exec("net", ["python3", "-c", f"{LISTEN}"]):
        answer = b""
        while not answer:
            try:
                with client.connect("net", 8123) as connection:
                    connection.sendall(b"hello")
                    connection.settimeout(30)
                    answer = connection.recv(99)
            except ServeFailed:
                continue
        assert answer == b"HELLO"


def test_errors_are_those_of_the_fleet(client: Client | LocalClient, live: Server, backend: str) -> None:
    client.up(wanted(backend, "mine"))
    with pytest.raises(NameTaken, match="mine") as taken:
        client.up(wanted(backend, "mine"))
    assert taken.value.hint
    viewer = Client(live.url, token_of(live, User(name="ada", role="viewer")))
    with pytest.raises(LaunchRefused) as refused:
        viewer.stop("mine")
    assert refused.value.reasons
    with pytest.raises(TokenRefused):
        Client(live.url, "dvt_0_0").me()


def test_service_that_is_none_is_said(tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:9", "ftp://x", "nonsense"):
        with pytest.raises(ServiceUnreachable):
            Client(url, "t").me()

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(502)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(ServiceUnreachable, match="no devctl"):
            Client(f"http://127.0.0.1:{server.server_port}", "t").me()


@pytest.mark.parametrize(
    "error",
    [
        NameTaken("m", "h"),
        LaunchRefused("m", ("a", "b"), "h"),
        ServeFailed("m", "printed", "h"),
        NoSuchEnvironment("m"),
    ],
)
def test_every_error_comes_back_as_itself(error: NameTaken) -> None:
    back = error_of(400, problem_of(error).model_dump_json().encode())
    assert type(back) is type(error) and vars(back) == vars(error)
    assert str(error_from({"kind": "os", "message": "m"})) == "m"


def test_keys_go_over_one_connection_and_none_is_sent_twice() -> None:
    connections: list[list[bytes]] = []

    class Counting(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            connections.append([])

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            connections[-1].append(body)
            if body == b"gone":
                self.close_connection = True
                return
            self.send_response(204)
            if body == b"last":
                self.send_header("Connection", "close")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Counting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        line = Wire(f"http://127.0.0.1:{server.server_port}", "token").line()
        for body in (b"a", b"b", b"last", b"c"):
            line.send("/x", body)
        with pytest.raises(ServiceUnreachable):
            line.send("/x", b"gone")
        line.send("/x", b"d")
        line.close()
        server.shutdown()
    assert connections == [[b"a", b"b", b"last"], [b"c", b"gone"], [b"d"]]


@contextmanager
def silent_server() -> Iterator[tuple[int, threading.Event]]:
    """A server that takes requests and answers none; tells its port, and of the first request."""
    asked = threading.Event()
    held: list[socket.socket] = []

    def take() -> None:
        with contextlib.suppress(OSError):  # which is how it ends
            while True:
                connection, _ = listener.accept()
                held.append(connection)
                connection.recv(65_536)
                asked.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        taker = threading.Thread(target=take)
        taker.start()
        try:
            yield listener.getsockname()[1], asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            taker.join()
            for connection in held:
                connection.close()


def test_keys_that_wait_for_an_answer_are_let_go_of_when_the_line_is_closed() -> None:
    said: list[str] = []
    with silent_server() as (port, asked):
        line = Wire(f"http://127.0.0.1:{port}", "token").line()

        def send() -> None:
            with pytest.raises(ServiceUnreachable) as refused:
                line.send("/x", b"a")
            said.append(str(refused.value))

        sender = threading.Thread(target=send)
        sender.start()
        assert asked.wait(60)
        line.close()
        line.close()
        sender.join(60)
    assert len(said) == 1
    with pytest.raises(ServiceUnreachable, match="it was left"):
        line.send("/x", b"b")


def test_a_log_that_breaks_off_is_said_so() -> None:
    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n9\r\nwo")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer)
        server.start()
        came = b""
        with pytest.raises(ServiceUnreachable, match="broke off"):
            for piece in Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "t").logs("web", follow=True):
                came += piece
        server.join()
    assert came.startswith(b"hello")
