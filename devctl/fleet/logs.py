"""The log of an environment: what its lifecycle commands printed, and what its main process prints."""

import contextlib
import queue
import threading
from collections.abc import Iterator
from datetime import datetime

from devctl.errors import DevctlError
from devctl.fleet.interfaces import HostPool
from devctl.fleet.printed import Printed
from devctl.fleet.records import EnvironmentRecord
from devctl.fleet.rows import Rows
from devctl.hosts.engine import LogStream

_LOOK_SECONDS = 0.5
_Lines = queue.Queue[bytes | Exception | None]


def follow_logs(
    printed: Printed, hosts: HostPool, rows: Rows, record: EnvironmentRecord, follow: bool, since: datetime | None
) -> Iterator[bytes]:
    """Yield what was printed; with `follow` go on until the environment has ended.

    While nothing is printed an empty piece comes now and then, so that whoever passes it on can see who still listens.
    `since` leaves out what the main process printed before; raises HostUnreachable.
    """
    pieces = Pieces(printed, record)
    yield from pieces.new()
    if record.host == "" or record.phase == "failed":
        return
    engine = hosts.engine(record.host)
    if not follow:
        yield from engine.logs(record, False, since)
        return
    lines: _Lines = queue.Queue(maxsize=256)
    left, source = threading.Event(), engine.logs(record, True, since)
    threading.Thread(target=_read, args=(source, lines, left), name=f"logs-{record.id}", daemon=True).start()
    try:
        while True:
            try:
                data_or_end = lines.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                yield from pieces.new()
                now = rows.by_id(record.id)
                if now is None or now.phase not in ("creating", "running", "paused"):
                    return
                yield b""
                continue
            if data_or_end is None:
                return
            if isinstance(data_or_end, Exception):
                raise data_or_end
            yield data_or_end
    finally:
        left.set()
        source.close()  # its reader waits for output, which may never come


class Pieces:
    """What lifecycle commands printed, each piece once."""

    def __init__(self, printed: Printed, record: EnvironmentRecord) -> None:
        self._printed = printed
        self._record = record
        self._last = 0

    def new(self) -> Iterator[bytes]:
        """Yield what has come since the last call."""
        for number, data in self._printed.after(self._record, self._last):
            self._last = number
            yield data


def _read(source: LogStream, lines: _Lines, left: threading.Event) -> None:
    """Pass on what comes until it ends."""
    try:
        for data in source:
            if left.is_set():
                return
            if data:
                _put(lines, data, left)
    except (DevctlError, OSError) as error:
        _put(lines, error, left)
    _put(lines, None, left)


def _put(lines: _Lines, what: bytes | Exception | None, left: threading.Event) -> None:
    while not left.is_set():
        with contextlib.suppress(queue.Full):
            lines.put(what, timeout=_LOOK_SECONDS)
            return
