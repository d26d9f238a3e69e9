"""A server on a real socket that speaks as SearXNG, OSV, a Python index and an npm registry do, and misbehaves on request."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Reply:
    """One answer; a fault where a test wants one."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Bytes after which the connection is closed, though the whole length was announced."""
    drip: float = 0.0
    """Seconds between single bytes."""


def as_json(value: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(json.dumps(value).encode(), status, {"Content-Type": "application/json", **named})


def as_html(text: str, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(text.encode(), 200, {"Content-Type": "text/html; charset=utf-8", **named})


def packed(reply: Reply) -> Reply:
    """The same answer, gzipped."""
    return Reply(gzip.compress(reply.body), reply.status, {**reply.headers, "Content-Encoding": "gzip"})


def sent_on(to: str, status: int = 302) -> Reply:
    """A redirect."""
    return Reply(b"", status, {"Location": to})


@dataclass
class OutsideServer:
    """What the server knows, and what it was asked."""

    url: str = ""
    hits: list[dict[str, Any]] = field(default_factory=list)
    """Results of every search, in SearXNG's form."""
    packages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Documents by path, such as `/pypi/flask/json` or `/npm/left-pad`."""
    vulnerable: dict[str, list[str]] = field(default_factory=dict)
    """Ids of advisories by package URL."""
    advisories: dict[str, dict[str, Any]] = field(default_factory=dict)
    """OSV records by id."""
    pages: dict[str, Reply] = field(default_factory=dict)
    faults: dict[str, list[Reply]] = field(default_factory=dict)
    """Answers by path that come first, one after the other."""
    asked: list[str] = field(default_factory=list)
    """Method and path of each request."""
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, method: str, path: str, body: bytes) -> Reply:
        parts = urlsplit(path)
        if self.faults.get(parts.path):
            return self.faults[parts.path].pop(0)
        if parts.path == "/search" and "format=json" in parts.query:
            query = parse_qs(parts.query)["q"][0]
            found = {"query": query, "number_of_results": 0, "results": self.hits, "unresponsive_engines": []}
            return as_json(found)
        if parts.path == "/v1/querybatch" and method == "POST":
            return self._batch(json.loads(body))
        if parts.path.startswith("/v1/vulns/"):
            record = self.advisories.get(unquote(parts.path.removeprefix("/v1/vulns/")))
            return as_json(record) if record else as_json({"code": 5, "message": "Bug not found."}, 404)
        if unquote(parts.path) in self.packages:
            return as_json(self.packages[unquote(parts.path)])
        return self.pages.get(path, as_json({"message": "Not Found"}, 404))

    def _batch(self, asked: dict[str, Any]) -> Reply:
        purls = [query["package"]["purl"] for query in asked["queries"]]
        found = [[{"id": id_, "modified": "2026-01-01T00:00:00Z"} for id_ in self.vulnerable.get(p, ())] for p in purls]
        return as_json({"results": [{"vulns": vulns} if vulns else {} for vulns in found]})


class _Handler(BaseHTTPRequestHandler):
    server_state: OutsideServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        state = self.server_state
        state.asked.append(f"{self.command} {self.path}")
        state.headers.append({name.lower(): value for name, value in self.headers.items()})
        self._send(state.answer(self.command, self.path, body))

    do_POST = do_GET

    def _send(self, reply: Reply) -> None:
        self.close_connection = True
        try:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if not reply.drip:
                self.wfile.write(reply.body[: reply.cut_after])
                return
            for number in range(len(reply.body)):
                self.wfile.write(reply.body[number : number + 1])
                self.wfile.flush()
                time.sleep(reply.drip)
        except OSError:  # who asked has hung up
            return

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests look at what was asked."""


@contextmanager
def serving_outside() -> Iterator[OutsideServer]:
    """Serve while the context lasts."""
    state = OutsideServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"server_state": state}))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
