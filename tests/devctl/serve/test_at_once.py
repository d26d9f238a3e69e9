"""Requests that the loop answers itself, beside others that wait in threads."""

import http.client
import socket
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from waitress import wasyncore
from waitress.server import create_server

from devctl.fleet.records import User
from devctl.serve.at_once import answering_at_once
from devctl.serve.server import Server
from tests.devctl.serve.services import Caller, token_of

BIG = b"x" * 3_000_000


class Running:
    """A server with one thread, whose loop answers `/quick`; `/slow` waits until it is told to end."""

    def __init__(self) -> None:
        self.go_on, self.threads = threading.Event(), dict[str, str]()
        self._map: dict[int, object] = {}
        self._stop = threading.Event()
        listener = socket.create_server(("127.0.0.1", 0))
        self.server = create_server(self._app, map=self._map, sockets=[listener], threads=1, asyncore_use_poll=True)
        self.at_once = answering_at_once(self.server, lambda request: request.path == "/quick")
        self.port: int = listener.getsockname()[1]
        self._thread = threading.Thread(target=self._loop, name="loop")
        self._thread.start()

    def _app(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.threads[path] = threading.current_thread().name
        if path == "/slow":
            self.go_on.wait(60)
        body = {"/big": BIG, "/none": b""}.get(path, path.encode())
        lengths = [] if path == "/unknown" else [("Content-Length", str(len(body)))]
        start("200 OK", lengths)
        return [body] if path != "/unknown" else [b"un", b"known"]

    def _loop(self) -> None:
        while not self._stop.is_set():
            wasyncore.loop(timeout=0.2, use_poll=True, map=self._map, count=1)
            self.at_once.answer()

    def ask(self, method: str, *paths: str) -> list[bytes]:
        """Ask for all of them over one connection, and return the bodies."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        bodies = []
        for path in paths:
            connection.request(method, path)
            bodies.append(connection.getresponse().read())
        connection.close()
        return bodies

    def close(self) -> None:
        self.go_on.set()
        self._stop.set()
        self._thread.join()
        self.server.task_dispatcher.shutdown()
        wasyncore.close_all(self._map, ignore_all=True)


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    yield made
    made.close()


def test_what_fits_is_answered_while_all_threads_wait(running: Running) -> None:
    slow = threading.Thread(target=running.ask, args=("GET", "/slow"))
    slow.start()
    while "/slow" not in running.threads:
        assert slow.is_alive()
    assert running.ask("GET", "/quick", "/quick") == [b"/quick", b"/quick"]
    assert running.threads == {"/slow": "waitress-0", "/quick": "loop"}
    running.go_on.set()
    slow.join()


def test_answers_of_all_kinds_come_whole(running: Running) -> None:
    paths = ("/quick", "/big", "/none", "/unknown", "/other", "/quick")
    assert running.ask("GET", *paths) == [b"/quick", BIG, b"", b"unknown", b"/other", b"/quick"]


def test_requests_sent_together_are_answered_in_order(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=60) as connection:
        words = b"".join(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % name for name in (b"quick", b"a", b"quick", b"b"))
        connection.sendall(words + b"GET /end HTTP/1.0\r\n\r\n")
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    found = [answer.find(b"\r\n\r\n" + name) for name in (b"/quick", b"/a", b"/b", b"/end")]
    assert -1 not in found and found == sorted(found)
    assert answer.count(b"/quick") == 2


def test_scrapes_with_a_token_seen_before_are_the_loops_and_others_are_not(away: Server) -> None:
    tokens = away.service.tokens
    away.service.page.render()
    secret = token_of(away, User(name="prometheus", tier="metrics", role="viewer"))
    assert not tokens.remembers(secret)
    assert [Caller(away.url, secret)("GET", "/metrics").status for _ in range(3)] == [200] * 3
    head = Caller(away.url, secret)("HEAD", "/metrics")
    assert (head.status, head.body) == (200, b"") and int(head.headers["content-length"]) > 1000
    assert tokens.remembers(secret) and not tokens.remembers(secret + "x") and not tokens.remembers("")
    assert Caller(away.url, "")("GET", "/metrics").status == 401
    tokens.remove(
        next(one.id for one in tokens.listed() if one.user == "prometheus" and secret.startswith(f"dvt_{one.id}_"))
    )
    assert not tokens.remembers(secret)
    assert Caller(away.url, secret)("GET", "/metrics").status == 401
