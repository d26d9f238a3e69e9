"""One connection to a tunnel: its requests one after the other, each judged, then answered or passed on."""

import contextlib
import logging
import selectors
import time
from collections.abc import Callable
from typing import NamedTuple

import h11

from devctl.errors import DevctlError, LaunchRefused, NotRunning
from devctl.sides import Encrypted
from devctl.tunnels import headers as fields
from devctl.tunnels.exchange import Exchange, Program, Traffic
from devctl.tunnels.gate import Answered, Gate, Passed, refused

log = logging.getLogger(__name__)

_MOST_HEAD = 65_536


class Patience(NamedTuple):
    """How long a person's end may take, in seconds."""

    handshake: float = 10.0
    head: float = 20.0
    """For a whole request up to its body, however slowly it comes."""
    idle: float = 75.0
    """Between two requests."""


class Conversation:
    """The requests of one connection."""

    def __init__(
        self, person: Encrypted, peer: str, gate: Gate, dial: Callable[[], Program], traffic: Traffic,
        patience: Patience,
    ) -> None:  # fmt: skip
        self._person, self._peer = person, peer
        self._gate, self._dial = gate, dial
        self._traffic, self._patience = traffic, patience
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST_HEAD)
        self._program: Program | None = None

    def run(self) -> None:
        """Serve until one side ends, or takes too long; raises OSError where the person's end broke off."""
        try:
            wait = self._patience.head
            while self._serve_one(wait):
                self._http.start_next_cycle()
                wait = self._patience.idle
        finally:
            self._forget()

    def _serve_one(self, wait: float) -> bool:
        try:
            request = self._read_head(wait)
        except h11.RemoteProtocolError as error:
            self._answer(refused(error.error_status_hint, f"The request cannot be read: {error}."))
            return False
        if request is None:
            return False
        verdict = self._gate.judge(request)
        if isinstance(verdict, Answered):
            self._answer(verdict)
            return False
        return self._pass_on(request, verdict)

    def _read_head(self, wait: float) -> h11.Request | None:
        """The next request without its body; None when there is none, or it took too long."""
        deadline, begun = time.monotonic() + wait, wait == self._patience.head
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                return event
            if event is not h11.NEED_DATA:
                return None
            if not begun and self._http.trailing_data[0]:
                begun, deadline = True, time.monotonic() + self._patience.head
            data = self._person.receive()  # before waiting: it may have come with the end of the handshake
            if data:
                self._http.receive_data(data)
            if self._person.ended:
                self._http.receive_data(b"")
            elif not data and not self._is_readable(deadline):
                log.debug("a request from %s did not come in time", self._peer)
                return None

    def _is_readable(self, deadline: float) -> bool:
        with selectors.PollSelector() as selector:
            selector.register(self._person.socket, selectors.EVENT_READ)
            return bool(selector.select(max(0.0, deadline - time.monotonic())))

    def _pass_on(self, request: h11.Request, verdict: Passed) -> bool:
        host = fields.values(request.headers, b"host")[0]
        passed = h11.Request(
            method=request.method,
            target=verdict.target,
            headers=fields.for_program(request.headers, host, self._peer, self._gate.token),
        )
        exchange: Exchange | None = None
        try:
            reused = self._program is not None
            exchange = self._exchange(asked=False)
            try:
                return exchange.run(passed, host, verdict.cookie)
            except (h11.ProtocolError, OSError):
                if not reused or exchange.begun or self._person.ended or not _repeatable(request):
                    raise
            # the program ended the kept connection at the moment at which it was used again
            self._forget()
            exchange = self._exchange(asked=exchange.asked)
            return exchange.run(passed, host, verdict.cookie)
        except (DevctlError, h11.ProtocolError, OSError) as error:
            if exchange is not None and exchange.begun:
                raise ConnectionResetError(f"an answer broke off: {error}") from error
            log.debug("a request could not be passed on: %s", error)
            self._answer(_unreached(error))
            return False

    def _exchange(self, asked: bool) -> Exchange:
        return Exchange(self._person, self._http, self._connected(), self._traffic, asked)

    def _forget(self) -> None:
        if self._program is not None:
            self._program.side.close()
        self._program = None

    def _connected(self) -> Program:
        if self._program is not None:
            if self._program.is_fresh():
                return self._program
            self._forget()
        self._program = self._dial()
        return self._program

    def _answer(self, answer: Answered) -> None:
        """Send an answer of the tunnel's own; a person who has gone is not told."""
        head = h11.Response(status_code=answer.status, headers=answer.headers)
        with contextlib.suppress(h11.LocalProtocolError):  # one who asked for the head alone gets no body
            for event in (head, h11.Data(data=answer.body), h11.EndOfMessage()):
                self._person.send(self._http.send(event) or b"")
        with contextlib.suppress(OSError):
            self._person.socket.settimeout(self._patience.handshake)
            self._person.flush()


def _repeatable(request: h11.Request) -> bool:
    """Whether asking twice does what asking once does, and there is no body that is gone by now."""
    framed = fields.values(request.headers, b"content-length") + fields.values(request.headers, b"transfer-encoding")
    return request.method in (b"GET", b"HEAD", b"OPTIONS") and not framed and not fields.is_websocket(request.headers)


def _unreached(error: Exception) -> Answered:
    if isinstance(error, NotRunning):
        return refused(503, f"{error}")
    if isinstance(error, DevctlError):
        return refused(403 if isinstance(error, LaunchRefused) else 502, f"{error}")
    return refused(502, "The program inside broke off, or gave no answer that can be passed on.")
