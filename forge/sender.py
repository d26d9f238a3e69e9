"""Emptying the queue of webhooks: in order for each hook, and no hook waits for another's receiver.

Like GitHub it never retries by itself; a person or program asks for a redelivery.
"""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable

from forge.records import Delivery, Hook
from forge.store import hooks
from forge.store.database import Database, Value
from forge.webhooks import encoded, post

logger = logging.getLogger(__name__)

MOST_THREADS = 64
"""So many receivers may hang at once before others wait; an idle thread ends."""
IDLE_SECONDS = 5.0
RETRY_SECONDS = 1.0
"""Between attempts to use a database that is locked or has no space."""


class Sender:
    """Threads that send what is queued, each for one hook at a time; what a crash leaves is sent after the next start."""

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self._guard = threading.Condition()
        self._busy: set[int] = set()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._calls = 0
        self._running = False
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin sending."""
        self._running = True
        self.wake()

    def wake(self) -> None:
        """Look at the queue now."""
        with self._guard:
            self._calls += 1
            if self._idle:
                self._guard.notify()
            elif self._running and len(self._threads) < MOST_THREADS:
                thread = threading.Thread(target=self._work, name="webhooks", daemon=True)
                self._threads.add(thread)
                thread.start()

    def stop(self) -> None:
        """End after the deliveries in progress; the rest stays queued."""
        self._stopping.set()
        with self._guard:
            self._running = False
            self._guard.notify_all()
            left = list(self._threads)
        deadline = time.monotonic() + 2 * self._seconds + 5
        for thread in left:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        try:
            heard = 0
            while self._wait(heard):
                heard = self._calls
                while self._persist(self._send_one):
                    heard = self._calls
        finally:
            with self._guard:
                self._threads.discard(threading.current_thread())
            self._database.close()

    def _wait(self, heard: int) -> bool:
        """Sleep until there was a further call to look; False when this thread is needed no more."""
        with self._guard:
            if self._calls == heard and not self._stopping.is_set():
                self._idle += 1
                self._guard.wait(IDLE_SECONDS)
                self._idle -= 1
            return not self._stopping.is_set() and (self._calls != heard or len(self._threads) == 1)

    def _persist(self, step: Callable[[], bool]) -> bool:
        """Take a step once the database lets us; False when we were stopped first. No fault of it may end the thread."""
        while True:
            try:
                return step()
            except sqlite3.Error as fault:
                logger.warning("webhooks wait for the database: %s", fault)
            if self._stopping.wait(RETRY_SECONDS):
                return False

    def _claim(self) -> tuple[Hook, Delivery] | None:
        """The oldest waiting delivery of a hook that no other thread sends for; the hook is then ours."""
        with self._guard, self._database.read() as db:
            delivery = None if self._stopping.is_set() else hooks.next_waiting(db, self._busy)
            hook = hooks.of_delivery(db, delivery) if delivery else None
            if delivery is None or hook is None:
                return None
            self._busy.add(hook.id)
            return hook, delivery

    def _send_one(self) -> bool:
        claimed = self._claim()
        if claimed is None:
            return False
        self.wake()  # whoever is free looks for another hook's
        hook, delivery = claimed
        try:
            self._send(hook, delivery)
        finally:
            with self._guard:
                self._busy.discard(hook.id)
        return True

    def _send(self, hook: Hook, delivery: Delivery) -> None:
        body, headers = encoded(hook, delivery)
        began = time.monotonic()
        answer = post(hook, body, headers, self._seconds)
        took = round(time.monotonic() - began, 3)
        logger.info("delivered %s %s to %s: %s", delivery.event, delivery.guid, hook.url, answer.status)
        values: dict[str, Value] = {
            "status": answer.status,
            "status_code": answer.code,
            "duration": took,
            "request_headers": json.dumps(headers),
            "response_headers": json.dumps(answer.headers),
            "response_body": answer.body,
        }

        def record() -> bool:
            with self._database.write() as db:
                hooks.record_result(db, delivery, values)
            return True

        self._persist(record)  # by itself: what was sent is not sent again
