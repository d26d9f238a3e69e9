"""Long work for callers of the service: it goes on when they go away, and can be followed and found again."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal

from psycopg.rows import DictRow
from pydantic import JsonValue

from devctl.errors import DevctlError, NoSuchResource, RequestInvalid, ServiceBusy, StateUnavailable
from devctl.fleet.database import Database
from devctl.fleet.records import User
from devctl.records import Record
from devctl.serve.ends import Ends
from devctl.serve.problems import Problem, plain_problem, problem_of
from devctl.serve.work import RunningWork

log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
"""A running operation whose service has not renewed it for so long is taken for lost."""
RENEW_SECONDS = 15.0
_AGAIN_SECONDS = 1.0
"""After the database was away."""
ACCEPT_SECONDS = 10.0
"""How long a request waits to hear that its operation is accepted or refused."""
KEPT_DAYS = 7
_LOOK_SECONDS = 1.0
_FIELDS = "id, owner, kind, subject, state, result, error, created, ended, deadline < now() AS late"
_INSERT = f"""INSERT INTO operation (id, owner, kind, subject, key, digest, deadline)
    VALUES (%s, %s, %s, %s, %s, %s, now() + make_interval(secs => %s))
    ON CONFLICT (owner, key) WHERE key IS NOT NULL DO NOTHING RETURNING {_FIELDS}, digest"""  # noqa: S608 - our own field names
_ONE = f"SELECT {_FIELDS} FROM operation WHERE id = %s"  # noqa: S608 - our own field names
_RENEW = """UPDATE operation SET deadline = now() + make_interval(secs => %s)
    WHERE id = ANY(%s) AND state = 'running' RETURNING id"""
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

    def __init__(
        self,
        database: Database,
        most: int,
        accept_seconds: float = ACCEPT_SECONDS,
        renew_seconds: float = RENEW_SECONDS,
    ) -> None:
        self._database = database
        self._ends = Ends(database)
        self._renew_seconds = renew_seconds
        self._accept_seconds = accept_seconds
        self._places = threading.BoundedSemaphore(most)
        self._running: dict[str, RunningWork] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._stopped = False
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
                return self._same(user, row, wanted)
            running = RunningWork(identity)
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
        ours = self._goes_on(identity)
        rows = self._database.rows(_ONE, identity)
        if self._ends.untold(identity) and not self._ends.settle():
            rows = self._database.rows(_ONE, identity)
        if not rows or (rows[0]["owner"] != user.name and user.role != "admin"):
            raise NoSuchResource(f"no operation has the id {identity!r}", "it may be older than a week")
        return _operation(rows[0], ours)

    def _goes_on(self, identity: str) -> bool:
        """Whether it does in this process, or did until the database was away: then it is not lost."""
        with self._changed:
            return identity in self._running or self._ends.untold(identity)

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
            self._changed.wait_for(lambda: not self._running, grace)
        while (untold := self._ends.settle()) and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, _AGAIN_SECONDS))
        if untold:
            log.warning("the ends of %s operations are not written down: they will read as lost", untold)
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
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

    def _same(self, user: User, row: DictRow, wanted: Wanted) -> Operation:
        if row["digest"] != wanted.digest:
            raise RequestInvalid(
                f"the Idempotency-Key {wanted.key!r} was used for another request", "take a new key for a new request"
            )
        return self.get(user, row["id"])

    def _run(self, running: RunningWork, work: Callable[[Told], JsonValue]) -> None:
        try:
            result = work(lambda text: self._tell(running, text))
            self._ends.done(running.id, result)
        except DevctlError as error:
            log.info("operation %s failed: %s", running.id, error)
            self._fail(running, error)
        except Exception as error:
            log.exception("operation %s broke down", running.id)
            running.accept()  # a defect of ours is kept to be looked at
            self._ends.failed(running.id, plain_problem(500, "Defect", f"{type(error).__name__}: {error}"))
            raise
        finally:
            running.decided.set()
            self._places.release()
            with self._changed:
                self._running.pop(running.id, None)
                self._changed.notify_all()

    def _tell(self, running: RunningWork, text: str) -> None:
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

    def _fail(self, running: RunningWork, error: DevctlError) -> None:
        if running.refuse(error):
            self._ends.refused(running.id)
        else:
            self._ends.failed(running.id, problem_of(error))

    def _await_change(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait(seconds)

    def _renew(self) -> None:
        """Say again and again that what goes on does, also while a stop waits for it."""
        pause = self._renew_seconds
        while not self._over(pause):
            with self._changed:
                mine = list(self._running)
            pause = self._renew_seconds
            try:
                if self._ends.settle():
                    pause = _AGAIN_SECONDS
                else:
                    self._database.rows(_RENEW, LEASE_SECONDS, mine)
            except StateUnavailable as error:
                pause = _AGAIN_SECONDS
                log.warning("operations could not be renewed: %s", error)

    def _over(self, seconds: float) -> bool:
        """Whether nothing goes on any more and nothing can begin, at once or after so long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._stopped and not self._running, seconds)


def _operation(row: DictRow, ours: bool) -> Operation:
    fields = {name: value for name, value in row.items() if name not in ("late", "digest")}
    if row["state"] == "running" and row["late"] and not ours:
        lost = plain_problem(
            500, "OperationLost", "the service ended before this was done", "`devctl ls` shows what is there; try again"
        )
        fields |= {"state": "failed", "error": lost}
    return Operation.model_validate(fields)
