"""Commands that run for callers of the service, whose output can be read again after a broken connection."""

import base64
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import Field

from devctl.errors import DevctlError, NoSuchResource, RequestInvalid, ServiceBusy
from devctl.fleet.records import User
from devctl.hosts.engine import ExecStream
from devctl.records import Record

log = logging.getLogger(__name__)

WINDOW_BYTES = 1_048_576
"""Output kept that nobody has read; the command waits when it is full. As much is kept of what was read."""
UNREAD_SECONDS = 300.0
"""A command whose output nobody reads for so long is ended, and one that has ended is forgotten."""
MOST = 256
HEARTBEAT_SECONDS = 15.0
_LOOK_SECONDS = 1.0


class ExecInfo(Record):
    """A command, as it stands."""

    id: str
    environment: str
    owner: str
    argv: tuple[str, ...]
    tty: bool
    started: datetime
    exit_code: int | None = None
    """None as long as it runs."""
    error: str = ""
    """What broke, where it was not the command that ended."""


class ExecEvent(Record):
    """Output, or the end, of a command; a line of its stream."""

    number: int
    stream: int | None = None
    """1 or 2; with a terminal always 1."""
    data: str | None = Field(default=None, description="Base64")
    exit_code: int | None = None
    """Only in the last one."""
    error: str | None = None
    """Only in the last one: what broke, where it was not the command that ended."""


class ExecSession:
    """One command; a thread of its own takes its output as fast as it is read."""

    def __init__(self, user: User, environment: str, argv: tuple[str, ...], tty: bool, stream: ExecStream) -> None:
        self.id = f"x-{secrets.token_hex(8)}"
        self.owner = user.name
        self._stream = stream
        self._info = ExecInfo(
            id=self.id, environment=environment, owner=user.name, argv=argv, tty=tty, started=datetime.now(UTC)
        )
        self._changed = threading.Condition()
        self._unread: deque[tuple[ExecEvent, int]] = deque()
        self._read: deque[tuple[ExecEvent, int]] = deque()
        self._unread_size = self._read_size = self._number = self._forgotten = 0
        self._readers = 0
        self._touched = time.monotonic()
        self._closed = False
        threading.Thread(target=self._pump, name=self.id, daemon=True).start()

    @property
    def info(self) -> ExecInfo:
        """What the command is and whether it has ended."""
        with self._changed:
            return self._info

    def write(self, data: bytes, end: bool = False) -> None:
        """Give it input; `end` says that no more comes."""
        if data:
            self._stream.write(data)
        if end:
            self._stream.close_input()

    def resize(self, rows: int, columns: int) -> None:
        """Tell its terminal a new size."""
        self._stream.resize(rows, columns)

    def close(self) -> None:
        """End the command with its children; safe to repeat."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._stream.close()

    def events(self, after: int = 0) -> Iterator[ExecEvent | None]:
        """Yield the events past a number to the last one; None where nothing has come for a while.

        Raises RequestInvalid for a number whose successors were dropped.
        """
        with self._changed:
            if after < self._forgotten:
                raise RequestInvalid(
                    f"the output after event {after} is not kept any more", f"go on from {self._forgotten}"
                )
            self._readers += 1
        try:
            yield from self._events(after)
        finally:
            with self._changed:
                self._readers -= 1
                self._touched = time.monotonic()

    @property
    def unread_for(self) -> float:
        """Seconds since somebody last read."""
        with self._changed:
            return 0.0 if self._readers else time.monotonic() - self._touched

    def _events(self, after: int) -> Iterator[ExecEvent | None]:
        while True:
            event = self._next(after)
            yield event
            if event is not None:
                after = event.number
                if event.data is None:
                    return

    def _next(self, after: int) -> ExecEvent | None:
        with self._changed:
            found = self._after(after)
            if found is None:
                self._changed.wait(_LOOK_SECONDS)
                found = self._after(after)
            return found

    def _after(self, after: int) -> ExecEvent | None:
        """The event past a number, counted as read."""
        for event, _ in self._read:
            if event.number > after:
                return event
        if not self._unread:
            return None
        event, size = self._unread.popleft()
        self._unread_size -= size
        self._read.append((event, size))
        self._read_size += size
        while self._read_size > WINDOW_BYTES and len(self._read) > 1:
            old, dropped = self._read.popleft()
            self._read_size -= dropped
            self._forgotten = old.number
        self._changed.notify_all()
        return event

    def _pump(self) -> None:
        code, error = None, ""
        try:
            while (piece := self._stream.read()) is not None:
                self._add(stream=piece[0], data=base64.b64encode(piece[1]).decode(), size=len(piece[1]))
            code = self._stream.wait()
        except (DevctlError, OSError, ValueError) as broken:  # ValueError: closed while it was read
            error = "it was ended" if self._closed else str(broken)
        with self._changed:
            self._info = self._info.model_copy(update={"exit_code": code, "error": error})
        self._add(exit_code=code, error=error or None, size=0)
        self._stream.close()

    def _add(self, size: int, **fields: object) -> None:
        with self._changed:
            while self._unread_size > WINDOW_BYTES and not self._closed:
                self._changed.wait(_LOOK_SECONDS)
            self._number += 1
            self._unread.append((ExecEvent.model_validate({"number": self._number, **fields}), size))
            self._unread_size += size
            self._changed.notify_all()


class Execs:
    """The commands that run for callers; those that nobody follows are ended."""

    def __init__(self) -> None:
        self._sessions: dict[str, ExecSession] = {}
        self._lock = threading.Lock()

    def add(self, user: User, environment: str, argv: tuple[str, ...], tty: bool, stream: ExecStream) -> ExecSession:
        """Take a command that was started; raises ServiceBusy, and ends it then."""
        with self._lock:
            if len(self._sessions) >= MOST:
                stream.close()
                raise ServiceBusy(f"{MOST} commands run already", "end some, or wait")
            session = ExecSession(user, environment, argv, tty, stream)
            self._sessions[session.id] = session
            return session

    def get(self, user: User, identity: str) -> ExecSession:
        """Find a command of the user, any for an admin; raises NoSuchResource."""
        with self._lock:
            found = self._sessions.get(identity)
        if found is None or (found.owner != user.name and user.role != "admin"):
            raise NoSuchResource(f"no command has the id {identity!r}", "commands nobody reads are ended and forgotten")
        return found

    @property
    def open(self) -> int:
        """How many there are."""
        with self._lock:
            return len(self._sessions)

    def remove(self, session: ExecSession) -> None:
        """End a command and forget it."""
        with self._lock:
            self._sessions.pop(session.id, None)
        session.close()

    def sweep(self, seconds: float = UNREAD_SECONDS) -> int:
        """End and forget those that nobody has read for so long; returns how many."""
        with self._lock:
            left = [session for session in self._sessions.values() if session.unread_for >= seconds]
        for session in left:
            log.info("nobody reads the command %s: ended", session.id)
            self.remove(session)
        return len(left)

    def stop(self) -> None:
        """End all of them."""
        self.sweep(0.0)
        with self._lock:
            left = list(self._sessions.values())
        for session in left:
            self.remove(session)
