"""One connection to the proxy: its request is read, judged, and passed on or refused."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import h11

from devctl.egress import hello
from devctl.egress.rules import Verdict, normal_host

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD_SECONDS, IDLE_SECONDS = 30.0, 600.0
_CHUNK = 65_536
_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"proxy-authenticate", b"te"}
    | {b"trailer", b"upgrade", b"host", b"forwarded", b"via", b"http2-settings"}
)
"""Headers that are for this connection alone, or that we write ourselves."""


@dataclass(frozen=True)
class Outside:
    """What came of an attempt to reach something."""

    verdict: Verdict
    connection: socket.socket | None = None
    failure: str = ""


class Gate(Protocol):
    """Judges and connects."""

    def judge(self, host: str, port: int) -> Verdict: ...

    def reach(self, host: str, port: int) -> Outside: ...

    def forget(self, outside: socket.socket) -> None: ...


class Refused(Exception):
    """The request is answered with a status and words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class Conversation:
    """Serves one request."""

    def __init__(self, client: socket.socket, gate: Gate) -> None:
        self._client = client
        self._gate = gate
        self._protocol = h11.Connection(h11.SERVER)

    def run(self) -> None:
        """Read the request and answer it; raises OSError when the connection breaks."""
        self._client.settimeout(HEAD_SECONDS)
        try:
            request = self._request(time.monotonic() + HEAD_SECONDS)
            if request is None:
                return
            if request.method == b"CONNECT":
                self._tunnel(request)
            else:
                self._forward(request)
        except h11.RemoteProtocolError as error:
            self._refuse(Refused(400, f"this is no request of HTTP: {error}"))
        except Refused as refused:
            self._refuse(refused)

    def _request(self, deadline: float) -> h11.Request | None:
        """The head of the request; None when the client said nothing."""
        while True:
            event = self._protocol.next_event()
            if isinstance(event, h11.Request):
                return event
            if isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                return None
            if time.monotonic() > deadline:
                raise Refused(408, "the request did not come in time")
            self._protocol.receive_data(self._client.recv(_CHUNK))

    def _tunnel(self, request: h11.Request) -> None:
        host, port = authority(request.target.decode("latin-1"), None)
        outside = self._reached(host, port)
        self._client.settimeout(IDLE_SECONDS)
        try:
            self._client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            early = self._protocol.trailing_data[0]
            flow = Flow()
            back = threading.Thread(target=flow.pump, args=(outside, self._client), daemon=True)
            back.start()
            try:
                self._send_tunnel(flow, outside, early, host, port)
            except BaseException:  # whoever reads from outside must end before that is closed
                _shut(outside)
                raise
            finally:
                back.join()
        finally:
            self._gate.forget(outside)

    def _send_tunnel(self, flow: "Flow", outside: socket.socket, early: bytes, host: str, port: int) -> None:
        """Pass on what the client sends, when its first message asks for no other name."""
        data = early or self._client.recv(_CHUNK)
        while hello.is_tls(data) and len(data) < hello.MOST:
            try:
                name = hello.server_name(data)
            except hello.Incomplete:
                more = self._client.recv(_CHUNK)
                if not more:
                    break
                data += more
                continue
            if name and name != host and not self._gate.judge(normal_host(name), port).allowed:
                for end in (outside, self._client):
                    _shut(end)
                return
            break
        with contextlib.suppress(OSError):
            outside.sendall(data)
        flow.pump(self._client, outside)

    def _forward(self, request: h11.Request) -> None:
        target = request.target.decode("latin-1")
        if not target.lower().startswith("http://"):
            raise Refused(400, "write the whole address, http://host/path; https goes through CONNECT")
        try:
            parts = urlsplit(target)
        except ValueError as error:
            raise Refused(400, f"the address cannot be read: {error}") from error
        host, port = authority(parts.netloc, 80)
        outside = self._reached(host, port)
        try:
            path = parts.path or "/"
            self._pass_on(request, outside, path + (f"?{parts.query}" if parts.query else ""), parts.netloc)
        finally:
            self._gate.forget(outside)

    def _pass_on(self, request: h11.Request, outside: socket.socket, path: str, host: str) -> None:
        """Send the request as it was judged, whatever its headers say of the host, and give back what comes."""
        protocol = h11.Connection(h11.CLIENT)
        headers = [(b"host", host.encode("latin-1")), *_kept(request.headers), (b"connection", b"close")]
        sent = protocol.send(h11.Request(method=request.method, target=path.encode("latin-1"), headers=headers))
        outside.settimeout(IDLE_SECONDS)
        self._client.settimeout(IDLE_SECONDS)
        outside.sendall(sent or b"")
        back = threading.Thread(target=Flow().pump, args=(outside, self._client), daemon=True)
        back.start()
        try:
            self._pass_body(protocol, outside)
        except (OSError, h11.RemoteProtocolError):
            _shut(outside)
        back.join()

    def _pass_body(self, protocol: h11.Connection, outside: socket.socket) -> None:
        while True:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                self._protocol.receive_data(self._client.recv(_CHUNK))
            elif isinstance(event, h11.Data | h11.EndOfMessage):
                if sent := protocol.send(event):
                    outside.sendall(sent)
                if isinstance(event, h11.EndOfMessage):
                    return
            else:
                raise h11.RemoteProtocolError("the request broke off")

    def _reached(self, host: str, port: int) -> socket.socket:
        outside = self._gate.reach(host, port)
        if not outside.verdict.allowed:
            raise Refused(403, f"devctl does not let {host}:{port} through: {outside.verdict.reason}")
        if outside.connection is None:
            raise Refused(502, outside.failure)
        outside.connection.settimeout(IDLE_SECONDS)
        return outside.connection

    def _refuse(self, refused: Refused) -> None:
        body = f"{refused.words}\n".encode("utf-8", "replace")
        head = (
            f"HTTP/1.1 {refused.status} Refused by devctl\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            self._client.sendall(head.encode() + body)
            self._client.shutdown(socket.SHUT_WR)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def authority(text: str, usual_port: int | None) -> tuple[str, int]:
    """Host and port of `host:port`; raises Refused. Names of persons in it are refused."""
    if "@" in text:
        raise Refused(400, "no user may stand in the address")
    host, colon, digits = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, digits = text, ""
    if not digits and usual_port is None:
        raise Refused(400, "CONNECT needs host:port")
    if digits and not (digits.isascii() and digits.isdigit() and len(digits) <= 5):
        raise Refused(400, "the port is no number")
    if not host:
        raise Refused(400, "the address has no host")
    return normal_host(host), int(digits) if digits else usual_port or 0


def _kept(headers: "Iterable[tuple[bytes, bytes]]") -> list[tuple[bytes, bytes]]:
    found = list(headers)
    named = {word.strip().lower() for name, value in found if name == b"connection" for word in value.split(b",")}
    dropped = _HOP | (named - {b"content-length", b"transfer-encoding"})
    return [(name, value) for name, value in found if name not in dropped]


class Flow:
    """When something last went either way over a pair of connections: it is idle only when both are."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def pump(self, source: socket.socket, target: socket.socket) -> None:
        """Pass on what one end sends until it ends or both are idle, then say so to the other."""
        with contextlib.suppress(OSError):
            while data := self._receive(source):
                target.sendall(data)
                self._last = time.monotonic()
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _receive(self, source: socket.socket) -> bytes:
        while True:
            try:
                return source.recv(_CHUNK)
            except TimeoutError:
                if time.monotonic() - self._last >= IDLE_SECONDS:
                    raise
