"""Requests that the loop answers itself: what costs less than handing it to another thread and back."""

import threading
from collections.abc import Callable
from typing import Any, Protocol

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from devctl.serve.metrics_route import PATH, bearer
from devctl.serve.tokens import Tokens, digest_of

_MOST_TOGETHER = 1_000_000
"""Bytes of a body up to which putting it behind the head costs less than sending it on its own."""


class Request(Protocol):
    """A request as waitress has parsed it."""

    path: str
    command: str
    version: str
    error: object
    headers: dict[str, str]
    connection_close: bool
    expect_continue: bool
    chunked: bool
    content_length: int


class Repeats(Protocol):
    """Knows requests by their bytes."""

    def learn(self, data: bytes, request: Request) -> None: ...

    def answer(self, data: bytes) -> bytes | None: ...


class _Channel(Protocol):
    """A connection; `service` answers the first of its requests."""

    requests: list[Request]

    def service(self) -> None: ...


class _Trigger(Protocol):
    """What wakes the loop from another thread."""

    def pull_trigger(self) -> None: ...

    def close(self) -> None: ...


class _Dispatcher(Protocol):
    """What has threads for connections with requests."""

    def add_task(self, task: _Channel) -> None: ...

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> object: ...


class AtOnce:
    """Keeps some requests for the loop, which must call `answer` after each round; the others go to the threads.

    The loop must never wait for anything: only requests that need neither the database nor a host are its own.
    """

    def __init__(self, threads: _Dispatcher, fits: Callable[[Request], bool]) -> None:
        self._threads = threads
        self._fits = fits
        self._loop: int | None = None
        self._kept: list[_Channel] = []

    def add_task(self, task: _Channel) -> None:
        """Keep it or pass it on; waitress holds a lock of the connection at this moment, so nothing is answered yet."""
        if self.is_here() and self._fits(task.requests[0]):
            self._kept.append(task)
        else:
            self._threads.add_task(task)

    def answer(self) -> None:
        """Answer what was kept; from the loop's thread alone."""
        self._loop = threading.get_ident()
        while self._kept:  # a connection whose next request fits too comes back meanwhile
            self._kept.pop(0).service()

    def keeps(self, task: object) -> bool:
        """Whether a connection waits for `answer`, and came last."""
        return bool(self._kept) and self._kept[-1] is task

    def is_here(self) -> bool:
        """Whether the present thread is the loop's."""
        return threading.get_ident() == self._loop

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> object:
        """End the threads."""
        return self._threads.shutdown(cancel_pending, timeout)


class _LoopTrigger:
    """Wakes the loop, unless it is the loop that asks: it looks at its connections next in any case."""

    def __init__(self, trigger: _Trigger, loop: AtOnce) -> None:
        self._trigger = trigger
        self._loop = loop

    def pull_trigger(self) -> None:
        if not self._loop.is_here():
            self._trigger.pull_trigger()

    def close(self) -> None:
        self._trigger.close()


class _WholeTask(WSGITask):  # type: ignore[misc]  # waitress has no types
    """Sends the head and the body of an answer in one piece, where its length is known."""

    wrote_header: bool

    def write(self, data: bytes) -> None:
        known = self.content_length is not None and 0 < len(data) <= min(self.content_length, _MOST_TOGETHER)
        if self.wrote_header or not self.complete or not known or not self.has_body:
            super().write(data)
            return
        head = self.build_response_header()
        self.wrote_header = True
        self.content_bytes_written += len(data)
        self.channel.write_soon(head + data)


class _Connection(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    task_class = _WholeTask

    def received(self, data: bytes) -> bool:
        """Answer bytes that were a request before; else have them parsed, in the loop's thread as all that is read.

        On a connection with nothing under way the same bytes are the same request, so parsing them says nothing new.
        """
        repeats: Repeats | None = self.server.repeats
        with self.requests_lock:
            closing = self.will_close or self.close_when_flushed
            idle = not (closing or self.requests or self.request is not None or self.total_outbufs_len)
        if repeats is None or not idle:
            return bool(super().received(data))
        if (answer := repeats.answer(data)) is not None:
            self._send(answer)
            return True
        going_on = bool(super().received(data))
        if self.server.task_dispatcher.keeps(self) and len(self.requests) == 1 and self.request is None:
            repeats.learn(data, self.requests[0])
        return going_on

    def _send(self, answer: bytes) -> None:
        """Send what the socket takes now; the loop sends the rest."""
        sent = self.send(answer)
        if sent < len(answer) and self.connected:
            self.write_soon(answer[sent:])


def answering_at_once(server: Any, fits: Callable[[Request], bool], repeats: Repeats | None = None) -> AtOnce:
    """Have a waitress server keep for its loop the requests that fit, and not parse those that repeat."""
    made = AtOnce(server.task_dispatcher, fits)
    server.task_dispatcher = made
    server.trigger = _LoopTrigger(server.trigger, made)
    server.channel_class = _Connection
    server.repeats = repeats
    return made


def known_scrapes(tokens: Tokens) -> Callable[[Request], bool]:
    """Scrapes with a token that was verified just now: the page is there, and nobody has to be asked."""

    def fits(request: Request) -> bool:
        if request.error is not None or request.path != PATH or request.command not in ("GET", "HEAD"):
            return False
        return tokens.recall(digest_of(bearer(request.headers.get("AUTHORIZATION", "")))) is not None

    return fits
