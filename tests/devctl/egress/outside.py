"""A server that stands for the outside, and a proxy before it."""

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from devctl.egress.proxy import Decision, Proxy, system_resolve
from devctl.egress.rules import Address, read_rules

NAMES = {
    "outside.test": "127.0.0.1",
    "deep.sub.test": "127.0.0.1",
    "sly.test": "127.0.0.1",
    "meta.test": "169.254.169.254",
}


class Origin(ThreadingHTTPServer):
    """Remembers the requests it got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str, str]] = []
        """Host header, path and body."""
        self.port: int = self.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:  # the server's own naming
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode() if length else self._chunks()
        assert isinstance(self.server, Origin)
        self.server.seen.append((self.headers.get("Host", ""), self.path, body))
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.2:1/secret")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    do_POST = do_GET

    def _chunks(self) -> str:
        text = b""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return ""
        while size := int(self.rfile.readline(), 16):
            text += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return text.decode()


@contextmanager
def origin() -> Iterator[Origin]:
    """The outside."""
    with Origin() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def resolve(host: str, port: int) -> Sequence[Address]:
    """The outside's names; all others are looked up as this machine does."""
    return [ipaddress.ip_address(NAMES[host])] if host in NAMES else system_resolve(host, port)


class Client:
    """Speaks to a proxy as programs inside do."""

    def __init__(self, path: Path, decisions: list[Decision]) -> None:
        self._path = path
        self.decisions = decisions

    def connect(self) -> socket.socket:
        """A fresh connection to the proxy."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(str(self._path))
        return connection

    def ask(self, request: str, then: bytes = b"") -> tuple[int, str]:
        """Send bytes, and more when the head was answered; status of the first answer and all that came."""
        with self.connect() as connection:
            connection.sendall(request.encode("latin-1"))
            answer = connection.recv(65_536)
            status = int(answer.split(b" ", 2)[1]) if answer else 0
            if then:
                connection.sendall(then)
            if status == 200 or not then:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
                    while data := connection.recv(65_536):
                        answer += data
        return status, answer.decode("latin-1")

    def tunnel(self, target: str, then: bytes = b"") -> tuple[int, str]:
        """Ask for a tunnel, and send bytes through it."""
        return self.ask(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n", then)

    def get(self, address: str, *headers: str) -> tuple[int, str]:
        """Ask for a plain address."""
        return self.ask("\r\n".join([f"GET {address} HTTP/1.1", *(headers or ("Host: x",)), "", ""]))


@contextmanager
def proxy(folder: Path, *domains: str) -> Iterator[Client]:
    """A proxy with an allow-list, and a client of it."""
    decisions: list[Decision] = []
    path = folder / "p.sock"
    with Proxy("web", path, read_rules(domains), decisions.append, resolve):
        yield Client(path, decisions)
