"""One request and its answer, passed on as they come, both ways at once by one thread; or WebSocket after it."""

import contextlib
import selectors
import socket
import threading

import h11

from devctl.sides import CHUNK, MOST_WAITING, Encrypted, Plain
from devctl.tunnels import headers as fields

STALL_SECONDS = 60.0
"""How long a side may take nothing of what waits for it, or send nothing of what it has begun."""
_SWITCHING = 101


class Traffic:
    """The bytes that a tunnel has carried; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._came = self._went = 0

    def add(self, came: int = 0, went: int = 0) -> None:
        """Count bytes for the program, and bytes of it."""
        with self._lock:
            self._came += came
            self._went += went

    def counted(self) -> tuple[int, int]:
        """Both counts."""
        with self._lock:
            return self._came, self._went


class Program:
    """A connection to the program inside, which may serve several requests one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self.side = Plain(connection)
        self.http = h11.Connection(h11.CLIENT)

    def is_fresh(self) -> bool:
        """Whether one more request may go over it: nothing has come unasked, and it has not ended."""
        with contextlib.suppress(h11.LocalProtocolError, OSError):
            if self.side.receive() or self.side.ended or self.http.trailing_data[0]:
                return False
            self.http.start_next_cycle()
            return True
        return False


class Exchange:
    """Passes one request on."""

    def __init__(
        self, person: Encrypted, http: h11.Connection, program: Program, traffic: Traffic, asked: bool = False
    ) -> None:
        """`http` is the person's end, whose request has been read; to its end, without a body, where it is `asked`."""
        self._person, self._http = person, http
        self._program, self._traffic = program, traffic
        self._host = b""
        self._cookie = b""
        self.asked = asked
        """Whether the whole request has come."""
        self._answered = self._switched = False
        self.begun = False
        """Whether a part of the answer has gone to the person."""

    def run(self, request: h11.Request, host: bytes, cookie: bytes) -> bool:
        """Pass it on to its end; returns whether the person may send another.

        Raises OSError and h11.ProtocolError when a side breaks off.
        """
        self._host, self._cookie = host, cookie
        self._to_program(self._program.http.send(request))
        if self.asked:
            self._to_program(self._program.http.send(h11.EndOfMessage()))
        while True:
            self._take_request()
            self._take_answer()
            if self._switched:
                self._pass_bytes()
                return False
            if self._answered and not self._person.waiting:
                return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
            self._wait(None if self.asked and not self._person.waiting else STALL_SECONDS)

    def _take_request(self) -> None:
        while not self.asked and not self._answered and len(self._program.side.waiting) < MOST_WAITING:
            if self._http.they_are_waiting_for_100_continue:
                self._to_person(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
            event = self._http.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError("the person's end broke off")
            if isinstance(event, h11.Data | h11.EndOfMessage):
                self._to_program(self._program.http.send(event))
                self.asked = isinstance(event, h11.EndOfMessage)

    def _take_answer(self) -> None:
        while not self._answered and len(self._person.waiting) < MOST_WAITING:
            event = self._program.http.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, h11.ConnectionClosed):
                raise h11.RemoteProtocolError("the program inside ended without an answer")
            if isinstance(event, h11.InformationalResponse):
                self._told(event)
                if self._switched:
                    return
            elif isinstance(event, h11.Response):
                self._begin_answer(event)
            elif isinstance(event, h11.Data | h11.EndOfMessage):
                self._to_person(self._http.send(event))
                self._answered = isinstance(event, h11.EndOfMessage)

    def _told(self, event: h11.InformationalResponse) -> None:
        if event.status_code == 100:
            return  # the tunnel has said it already, if the person waited for it
        said = fields.for_person(event.headers, self._host, b"1.1")
        if event.status_code == _SWITCHING:
            said += [(b"set-cookie", self._cookie)] if self._cookie else []
            self._switched = self.begun = True
        passed = h11.InformationalResponse(status_code=event.status_code, headers=said, reason=event.reason)
        self._to_person(self._http.send(passed))

    def _begin_answer(self, event: h11.Response) -> None:
        said = fields.for_person(event.headers, self._host, self._http.their_http_version or b"1.1")
        said += [(b"set-cookie", self._cookie)] if self._cookie else []
        self.begun = True
        self._to_person(self._http.send(h11.Response(status_code=event.status_code, headers=said, reason=event.reason)))

    def _pass_bytes(self) -> None:
        """Pass on whatever comes until one side ends."""
        self._to_program(self._http.trailing_data[0])
        self._to_person(self._program.http.trailing_data[0])
        person, program = self._person, self._program.side
        while not (person.ended or program.ended):
            waiting = bool(person.waiting or program.waiting)
            for side in self._ready(STALL_SECONDS if waiting else None):
                if side is person:
                    self._to_program(person.receive())
                else:
                    self._to_person(program.receive())
        for side in (person, program):
            with contextlib.suppress(OSError):
                side.flush()

    def _wait(self, seconds: float | None) -> None:
        for side in self._ready(seconds):
            data = side.receive()
            http = self._http if side is self._person else self._program.http
            if data:
                http.receive_data(data)
            if side is self._person and side.ended:
                raise ConnectionResetError("the person has gone")
            if side.ended:
                http.receive_data(b"")

    def _ready(self, seconds: float | None) -> list[Plain]:
        """Wait, send what can be sent, and return the sides of which there is something to read."""
        person, program = self._person, self._program.side
        room = len(program.waiting) < MOST_WAITING and len(self._http.trailing_data[0]) < CHUNK
        with selectors.PollSelector() as selector:
            for side, reading in ((person, room or self._switched), (program, len(person.waiting) < MOST_WAITING)):
                events = selectors.EVENT_READ if reading and not side.ended else 0
                events |= selectors.EVENT_WRITE if side.waiting else 0
                if events:
                    selector.register(side.socket, events, side)
            ready = selector.select(seconds)
        if not ready:
            raise TimeoutError("nothing moved for too long")
        for key, events in ready:
            if events & selectors.EVENT_WRITE:
                key.data.flush()
        return [key.data for key, events in ready if events & selectors.EVENT_READ]

    def _to_program(self, data: bytes | None) -> None:
        self._traffic.add(came=len(data or b""))
        self._program.side.send(data or b"")
        self._program.side.flush()

    def _to_person(self, data: bytes | None) -> None:
        self._traffic.add(went=len(data or b""))
        self._person.send(data or b"")
        self._person.flush()
