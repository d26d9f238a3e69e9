"""Long work for callers of the service: it goes on when they go away, and can be followed and found again."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from pydantic import JsonValue

from devctl.errors import DevctlError, NoSuchResource, RequestInvalid, ServiceBusy, StateUnavailable
from devctl.fleet.database import Database
from devctl.fleet.records import User
from devctl.records import Record
from devctl.serve.problems import Problem, plain_problem, problem_of

log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
"""A running operation whose service has not renewed it for so long is taken for lost."""
_RENEW_SECONDS = 15.0
ACCEPT_SECONDS = 10.0
"""How long a request waits to hear that its operation is accepted or refused."""
KEPT_DAYS = 7
_LOOK_SECONDS = 1.0
_FIELDS = "id, owner, kind, subject, state, result, error, created, ended, deadline < now() AS late"
_INSERT = f"""INSERT INTO operation (id, owner, kind, subject, key, digest, deadline)
    VALUES (%s, %s, %s, %s, %s, %s, now() + make_interval(secs => %s))
    ON CONFLICT (owner, key) WHERE key IS NOT NULL DO NOTHING RETURNING {_FIELDS}, digest"""  # noqa: S608 - our own field names
_STEPS = "SELECT number, at, text FROM operation_event WHERE operation = %s AND number > %s ORDER BY number"

Told = Callable[[str], None]
"""Hears how far the work has come."""


class Operation(Record):
    """Long work, as it stands."""

    id: str
    owner: str
    kind: str
    """What is done: `create`, `start`, `restore`, `build`."""
    subject: str
    """The name of what it is done to."""
    state: Literal["running", "done", "failed"]
    result: JsonValue = None
    """What came of it: the environment, when it is done."""
    error: Problem | None = None
    created: datetime
    ended: datetime | None = None


class OperationEvent(Record):
    """How far it had come at a moment."""

    number: int
    at: datetime
    text: str


class Wanted(Record):
    """What is to be done, as it is written down."""

    kind: str
    subject: str
    key: str | None = None
    """The caller's Idempotency-Key: the same one again is the same operation."""
    digest: str = ""
    """Of the request, which must be the same too."""


class Operations:
    """Runs operations, each in a thread of its own, and keeps them in the database; a context manager."""

    def __init__(self, database: Database, most: int, accept_seconds: float = ACCEPT_SECONDS) -> None:
        self._database = database
        self._accept_seconds = accept_seconds
        self._places = threading.BoundedSemaphore(most)
        self._running: dict[str, _Work] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name="operations", daemon=True)

    def start(self) -> None:
        """Begin to renew, and forget what is old."""
        self._database.rows(
            "DELETE FROM operation WHERE created < now() - make_interval(days => %s) RETURNING id", KEPT_DAYS
        )
        self._renewer.start()

    def begin(self, user: User, wanted: Wanted, work: Callable[[Told], JsonValue]) -> Operation:
        """Start work and wait until it has been accepted, which is when it first tells how far it has come, or takes long.

        Work that fails before raises its own error here and leaves no operation. A key that was used before
        returns its operation. Raises ServiceBusy, and RequestInvalid for a key with another request.
        """
        if self._stopping.is_set() or not self._places.acquire(blocking=False):
            raise ServiceBusy("the service takes no more launches at this moment", "try again in a few seconds")
        begun = False
        try:
            identity = f"op-{secrets.token_hex(8)}"
            row = self._insert(identity, user, wanted)
            if row["id"] != identity:
                return self._same(row, wanted)
            running = _Work(identity)
            with self._changed:
                self._running[identity] = running
            threading.Thread(target=self._run, args=(running, work), name=identity).start()
            begun = True
        finally:
            if not begun:
                self._places.release()
        if not running.decided.wait(self._accept_seconds):
            running.accept()  # its caller hears of it now, and will ask how it ended
        if running.refused is not None:
            raise running.refused
        return self.get(user, identity)

    def get(self, user: User, identity: str) -> Operation:
        """Find an operation of the user, any for an admin; raises NoSuchResource."""
        rows = self._database.rows(f"SELECT {_FIELDS} FROM operation WHERE id = %s", identity)  # noqa: S608 - our own field names
        if not rows or (rows[0]["owner"] != user.name and user.role != "admin"):
            raise NoSuchResource(f"no operation has the id {identity!r}", "it may be older than a week")
        return _operation(rows[0])

    def wait(self, user: User, identity: str, seconds: float) -> Operation:
        """The operation when it has ended, or as it stands after so long."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.get(user, identity)
            left = deadline - time.monotonic()
            if found.state != "running" or left <= 0 or self._stopping.is_set():
                return found
            self._await_change(min(left, _LOOK_SECONDS))

    def steps(self, user: User, identity: str, after: int = 0) -> tuple[OperationEvent, ...]:
        """What was told so far, past a number."""
        self.get(user, identity)
        return tuple(OperationEvent.model_validate(row) for row in self._database.rows(_STEPS, identity, after))

    def events(self, user: User, identity: str, after: int = 0) -> Iterator[OperationEvent | None]:
        """Yield what is told until the operation has ended; None now and then, so that the caller can look up."""
        while True:
            ended = self.get(user, identity).state != "running"
            for event in self.steps(user, identity, after):
                after = event.number
                yield event
            if ended or self._stopping.is_set():
                return
            self._await_change(_LOOK_SECONDS)
            yield None

    @property
    def running(self) -> int:
        """How many go on in this process."""
        with self._changed:
            return len(self._running)

    def stop(self, grace: float) -> int:
        """Take nothing new and wait for what goes on; returns how many did not end in time."""
        self._stopping.set()
        deadline = time.monotonic() + grace
        with self._changed:
            self._changed.notify_all()
            while self._running and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return len(self._running)

    def _insert(self, identity: str, user: User, wanted: Wanted) -> DictRow:
        inserted = self._database.rows(
            _INSERT,
            *(identity, user.name, wanted.kind, wanted.subject, wanted.key, wanted.digest, LEASE_SECONDS),
        )
        if inserted:
            return inserted[0]
        known = self._database.rows(
            f"SELECT {_FIELDS}, digest FROM operation WHERE owner = %s AND key = %s",  # noqa: S608 - our own field names
            *(user.name, wanted.key),
        )
        if not known:
            raise ServiceBusy("the same request is just being refused", "try again")
        return known[0]

    def _same(self, row: DictRow, wanted: Wanted) -> Operation:
        if row["digest"] != wanted.digest:
            raise RequestInvalid(
                f"the Idempotency-Key {wanted.key!r} was used for another request", "take a new key for a new request"
            )
        return _operation(row)

    def _run(self, running: "_Work", work: Callable[[Told], JsonValue]) -> None:
        try:
            result = work(lambda text: self._tell(running, text))
            self._end(running, "done", result, None)
        except DevctlError as error:
            log.info("operation %s failed: %s", running.id, error)
            self._fail(running, error)
        except Exception as error:
            log.exception("operation %s broke down", running.id)
            running.accept()  # a defect of ours is kept to be looked at
            self._end(running, "failed", None, plain_problem(500, "Defect", f"{type(error).__name__}: {error}"))
            raise
        finally:
            running.decided.set()
            self._places.release()
            with self._changed:
                self._running.pop(running.id, None)
                self._changed.notify_all()

    def _tell(self, running: "_Work", text: str) -> None:
        """Write down how far the work has come; that this cannot be written does not stop the work."""
        running.accept()
        running.count += 1
        try:
            self._database.rows(
                "INSERT INTO operation_event (operation, number, text) VALUES (%s, %s, %s) RETURNING number",
                *(running.id, running.count, text.replace("\0", "")),
            )
        except StateUnavailable as error:
            log.warning("operation %s: %s", running.id, error)
        running.decided.set()
        with self._changed:
            self._changed.notify_all()

    def _fail(self, running: "_Work", error: DevctlError) -> None:
        if not running.refuse(error):
            self._end(running, "failed", None, problem_of(error))
            return
        try:
            self._database.rows("DELETE FROM operation WHERE id = %s RETURNING id", running.id)
        except StateUnavailable as away:
            log.warning("operation %s stays until it is late: %s", running.id, away)

    def _end(self, running: "_Work", state: str, result: JsonValue, error: Problem | None) -> None:
        try:
            self._database.rows(
                "UPDATE operation SET state = %s, result = %s, error = %s, ended = now() WHERE id = %s RETURNING id",
                *(state, Jsonb(result), Jsonb(error.model_dump(mode="json")) if error else None, running.id),
            )
        except StateUnavailable as away:
            log.warning("the end of operation %s could not be written down: %s", running.id, away)

    def _await_change(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait(seconds)

    def _renew(self) -> None:
        while not self._stopping.wait(_RENEW_SECONDS):
            with self._changed:
                mine = list(self._running)
            try:
                self._database.rows(
                    "UPDATE operation SET deadline = now() + make_interval(secs => %s)"
                    " WHERE id = ANY(%s) AND state = 'running' RETURNING id",
                    *(LEASE_SECONDS, mine),
                )
            except StateUnavailable as error:
                log.warning("operations could not be renewed: %s", error)


class _Work:
    """An operation that goes on in this process."""

    def __init__(self, identity: str) -> None:
        self.id = identity
        self.decided = threading.Event()
        self.refused: DevctlError | None = None
        self.count = 0
        self._accepted = False
        self._lock = threading.Lock()

    def accept(self) -> None:
        """Have its end kept, unless it was refused before."""
        with self._lock:
            self._accepted = self.refused is None

    def refuse(self, error: DevctlError) -> bool:
        """Say why it is not done; False where it was accepted before."""
        with self._lock:
            if not self._accepted:
                self.refused = error
            return not self._accepted


def _operation(row: DictRow) -> Operation:
    fields = {name: value for name, value in row.items() if name not in ("late", "digest")}
    if row["state"] == "running" and row["late"]:
        lost = plain_problem(
            500, "OperationLost", "the service ended before this was done", "`devctl ls` shows what is there; try again"
        )
        fields |= {"state": "failed", "error": lost}
    return Operation.model_validate(fields)
