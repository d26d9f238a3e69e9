"""Requests that the loop answers itself, beside others that wait in threads."""

import http.client
import re
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser
from waitress.server import create_server

from devctl.fleet.records import User
from devctl.serve.at_once import Request, answering_at_once
from devctl.serve.repeats import Scrapes
from devctl.serve.server import Server
from devctl.serve.tokens import digest_of
from tests.devctl.fleets import ADA, ROOT
from tests.devctl.serve.services import Caller, token_of

BIG = b"x" * 3_000_000
HUGE = b"y" * 40_000_000
"""More than the buffers of a connection hold."""


class Known:
    """Answers a request that came before with HUGE, and says which it learnt."""

    def __init__(self) -> None:
        self.learnt: list[bytes] = []
        self.answered = 0

    def learn(self, data: bytes, request: Request) -> None:
        assert request.path == "/quick"
        self.learnt.append(data)

    def answer(self, data: bytes) -> bytes | None:
        if data not in self.learnt:
            return None
        self.answered += 1
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(HUGE) + HUGE


class Running:
    """A server with one thread, whose loop answers `/quick`; `/slow` waits until it is told to end."""

    def __init__(self) -> None:
        self.go_on, self.threads = threading.Event(), dict[str, str]()
        self._map: dict[int, object] = {}
        self._stop = threading.Event()
        listener = socket.create_server(("127.0.0.1", 0))
        self.server = create_server(self._app, map=self._map, sockets=[listener], threads=1, asyncore_use_poll=True)
        self.known = Known()
        self.at_once = answering_at_once(self.server, lambda request: request.path == "/quick", self.known)
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
    assert running.ask("GET", "/quick", "/quick") == [b"/quick", HUGE]
    assert running.threads == {"/slow": "waitress-0", "/quick": "loop"}
    running.go_on.set()
    slow.join()


def test_answers_of_all_kinds_come_whole(running: Running) -> None:
    paths = ("/quick", "/big", "/none", "/unknown", "/other")
    assert running.ask("GET", *paths) == [b"/quick", BIG, b"", b"unknown", b"/other"]


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


def test_what_repeats_is_not_parsed_again_and_its_answer_comes_whole(running: Running) -> None:
    paths = ("/quick", "/quick", "/other", "/other", "/quick")
    assert running.ask("GET", *paths) == [b"/quick", HUGE, b"/other", b"/other", HUGE]
    assert running.ask("GET", "/quick") == [HUGE]
    assert (running.known.answered, len(running.known.learnt)) == (3, 1)


def test_what_comes_in_parts_or_with_more_behind_it_is_neither_learnt_nor_taken_for_known(running: Running) -> None:
    words = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"
    for parts in ([words[:9], words[9:]], [words + words], [words + b"GET "]):
        with socket.create_connection(("127.0.0.1", running.port), timeout=60) as connection:
            answer = b""
            for part in parts:
                connection.sendall(part)
                if part is not parts[-1]:
                    time.sleep(0.05)  # so that they are read apart; the test holds if they are not
            while answer.count(b"/quick") < b"".join(parts).count(b"/quick"):
                answer += received(connection)
    assert words + words not in running.known.learnt and words + b"GET " not in running.known.learnt
    assert running.known.answered == 0


def test_known_words_inside_another_request_are_a_part_of_that(running: Running) -> None:
    running.ask("GET", "/quick")
    words = running.known.learnt[0]
    with socket.create_connection(("127.0.0.1", running.port), timeout=60) as connection:
        connection.sendall(b"POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(words))
        while not any(channel.request is not None for channel in list(running.server.active_channels.values())):
            time.sleep(0.01)
        connection.sendall(words)
        answer = b""
        while not answer.endswith(b"/other"):
            answer += received(connection)
    assert running.known.answered == 0


def received(connection: socket.socket) -> bytes:
    """What came; the other side may not close."""
    part = connection.recv(65_536)
    assert part
    return part


def undated(answer: bytes) -> bytes:
    """An answer with another date."""
    assert len(re.findall(rb"\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n", answer)) == 1
    return re.sub(rb"\r\nDate: .* GMT\r\n", b"\r\nDate: now\r\n", answer, count=1)


def exchanged(server: Server, *requests: bytes) -> list[bytes]:
    """Send requests one after another over one connection; returns the answers as they came, without their dates."""
    place = urlsplit(server.url)
    answers = []
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        for request in requests:
            connection.sendall(request)
            head = b""
            while b"\r\n\r\n" not in head:
                head += received(connection)
            head, _, body = head.partition(b"\r\n\r\n")
            found = re.search(rb"Content-Length: (\d+)", head)
            assert found is not None
            while len(body) < int(found[1]):
                body += received(connection)
            answers.append(undated(head + b"\r\n\r\n" + body))
    return answers


def asking(token: str, encoding: str = "gzip", method: str = "GET") -> bytes:
    lines = (f"{method} /metrics HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", f"Accept-Encoding: {encoding}")
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_scrapes_that_repeat_are_answered_like_those_that_are_parsed(away: Server, encoding: str) -> None:
    away.service.page.render()
    words = asking(token_of(away, ROOT), encoding)
    before = away.service.page.scrapes
    answers = exchanged(away, *[words] * 5)
    assert answers == [answers[0]] * 5 and answers[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert away.service.page.scrapes == before + 5
    repeats = away.repeats
    repeated = repeats.answer(words)
    assert repeated is not None and undated(repeated) == answers[0]
    away.service.page.render()
    anew = repeats.answer(words)
    assert anew is not None and anew.endswith(b"\r\n\r\n" + away.service.page.page(encoding == "gzip"))
    later = anew
    while later == anew:  # until the next second
        time.sleep(0.05)
        later = repeats.answer(words) or b""
    assert undated(later) == undated(anew)


def test_scrapes_that_repeat_are_refused_once_their_token_is(away: Server) -> None:
    away.service.page.render()
    secret, reader = token_of(away, ROOT), token_of(away, ADA)
    words, repeats = asking(secret), away.repeats
    assert [answer[:12] for answer in exchanged(away, *[asking(reader)] * 3)] == [b"HTTP/1.1 403"] * 3
    assert [answer[:12] for answer in exchanged(away, *[words] * 3)] == [b"HTTP/1.1 200"] * 3
    assert repeats.answer(words) is not None
    assert repeats.answer(asking(reader)) is None
    away.service.tokens.remove(secret.split("_")[1])
    assert repeats.answer(words) is None
    assert exchanged(away, words)[0].startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("change", [
    ("HTTP/1.1", "HTTP/1.0"), ("HTTP/1.1", "HTTP/1.0\r\nConnection: keep-alive"), ("Host: x", "Connection: close"), ("Host: x", "Content-Length: 3"), ("/metrics", "/metricsx"),
    ("GET", "HEAD"), ("Host: x", "X: " + 4_096 * "x"),
])  # fmt: skip
def test_only_plain_scrapes_over_connections_that_stay_are_learnt(away: Server, change: tuple[str, str]) -> None:
    token = token_of(away, ROOT)
    away.service.tokens.verify(token)
    words = asking(token).replace(change[0].encode(), change[1].encode())
    parsed = HTTPRequestParser(Adjustments())
    parsed.received(words)
    repeats = Scrapes(away.service)
    repeats.learn(words, parsed)
    assert repeats.answer(words) is None
    plain = HTTPRequestParser(Adjustments())
    plain.received(asking(token))
    repeats.learn(asking(token), plain)
    assert repeats.answer(asking(token)) is not None


def test_scrapes_with_a_token_seen_before_are_the_loops_and_others_are_not(away: Server) -> None:
    tokens = away.service.tokens
    away.service.page.render()
    secret = token_of(away, User(name="prometheus", tier="metrics", role="viewer"))
    assert tokens.recall(digest_of(secret)) is None
    assert [Caller(away.url, secret)("GET", "/metrics").status for _ in range(3)] == [200] * 3
    head = Caller(away.url, secret)("HEAD", "/metrics")
    assert (head.status, head.body) == (200, b"") and int(head.headers["content-length"]) > 1000
    assert tokens.recall(digest_of(secret)) is not None
    assert tokens.recall(digest_of(secret + "x")) is tokens.recall(digest_of("")) is None
    assert Caller(away.url, "")("GET", "/metrics").status == 401
    tokens.remove(
        next(one.id for one in tokens.listed() if one.user == "prometheus" and secret.startswith(f"dvt_{one.id}_"))
    )
    assert tokens.recall(digest_of(secret)) is None
    assert Caller(away.url, secret)("GET", "/metrics").status == 401
