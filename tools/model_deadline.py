"""A deadline for a whole answer of the endpoint.

The client library limits each piece of an answer, not the answer: an endpoint that goes on sending, be it words, spaces
or signs of life, would hold whoever asked for ever.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2

from tools.model_faults import OVERDUE

_BEGAN = "roadcrew_began"


class _Timed(httpx2.SyncByteStream):
    """The pieces of an answer, until the deadline."""

    def __init__(self, stream: httpx2.SyncByteStream, began: float, seconds: float) -> None:
        self._stream = stream
        self._began = began
        self._seconds = seconds

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            if time.monotonic() - self._began > self._seconds:
                raise httpx2.ReadTimeout(f"{OVERDUE} {self._seconds:g} seconds")
            yield piece

    def close(self) -> None:
        self._stream.close()


def deadline_hooks(seconds: float) -> dict[str, list[Callable[..., Any]]]:
    """What a client has to call around each request; its answer raises ReadTimeout when it takes longer as a whole.

    One piece that is waited for at that moment may still take as long as the client allows a piece.
    """

    def begin(request: httpx2.Request) -> None:
        request.extensions.setdefault(_BEGAN, time.monotonic())  # a redirect has the extensions of the first request

    def limit(response: httpx2.Response) -> None:
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Timed(response.stream, response.request.extensions[_BEGAN], seconds)

    return {"request": [begin], "response": [limit]}
