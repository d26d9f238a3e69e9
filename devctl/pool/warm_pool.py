"""The warm pool of one engine: claims, and the refilling behind them."""

import logging
import random
import threading
import time
from collections.abc import Callable

from psycopg import Error as DatabaseError

from devctl.errors import DevctlError, StateUnavailable
from devctl.fleet.database import Database
from devctl.pool.makers import Maker
from devctl.pool.records import PoolRules, Shape, Slot, Wanted
from devctl.pool.stock import Stock

log = logging.getLogger(__name__)

TRIES = 3
REFILL_SECONDS = 15.0
GONE = ("its container is gone", "its folder is gone")
"""What says that a claimed one has ended."""


class WarmPool:
    """Hands out warm containers and makes new ones; safe to share between threads.

    A pool that cannot be asked is an empty one: whoever wants a container makes it cold.
    """

    def __init__(self, database: Database, maker: Maker, rules: PoolRules | None = None) -> None:
        self.rules = rules or PoolRules()
        self.stock = Stock(database)
        self._maker = maker
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def host(self) -> str:
        """The engine whose containers these are."""
        return self._maker.host

    def claim(self, shape: Shape, by: str) -> Slot | None:
        """Take a container of a shape, running, clean and nobody else's; None where there is none.

        It is to be confirmed with `taken` when it has been taken over.
        """
        try:
            slot = self._clean(shape, by)
            self.stock.note(self.host, shape, slot is not None)
        except (StateUnavailable, DatabaseError) as error:
            log.warning("the warm pool cannot be asked: %s", error)
            return None
        self._wake.set()
        return slot

    def taken(self, slot: Slot) -> None:
        """Say that a claimed one has been taken over."""
        self.stock.confirm(slot)

    def released(self, slot: Slot, why: str) -> None:
        """Give up a claimed one that could not be taken over: it is removed."""
        self._discard(slot, why)

    def _clean(self, shape: Shape, by: str) -> Slot | None:
        for _ in range(TRIES):
            slot = self.stock.claim(self.host, shape, by)
            if slot is None:
                return None
            try:
                spoilt = self._maker.why_spoilt(slot)
                if not spoilt:
                    if slot.paused:
                        self._maker.resume(slot)
                    return slot
            except (DevctlError, OSError) as error:
                spoilt = str(error)
            log.info("the warm container %s is not handed out: %s", slot.name, spoilt)
            self.stock.spoil(slot, spoilt)
            self.stock.happened(self.host, "unclean")
        return None

    def refill(self) -> list[str]:
        """Remove what is spoilt, left behind or too many, and make what is missing; returns in words what was done."""
        done = self._reconcile()
        for wanted in self.stock.wanted(self.rules):
            if wanted.host == self.host and self._maker.makes(wanted.shape):
                done += self._level(wanted)
        self.stock.tidy(self.rules)
        return done

    def _level(self, wanted: Wanted) -> list[str]:
        done = []
        for slot in self.stock.surplus(self.host, wanted.key, wanted.ready - wanted.target):
            done += self._discard(slot, slot.why)
        while (new := self.stock.reserve(self.host, wanted.shape, self.rules, wanted.target)) is not None:
            if not self._make(new):
                break
            done.append(f"made {new.name} of {new.shape.image}")
            if self._stop.is_set():
                break
        return done

    def _make(self, slot: Slot) -> bool:
        began = time.monotonic()
        try:
            container, lies = self._maker.make(slot)
            if self.rules.paused:
                self._maker.pause(slot.model_copy(update={"container": container}))
            self.stock.ready(slot, container, lies, self.rules.paused)
        except (DevctlError, OSError) as error:
            log.warning("a warm container of %s could not be made: %s", slot.shape.image, error)
            self._discard(slot, str(error))
            self.stock.happened(self.host, "failed")
            return False
        self.stock.happened(self.host, "made", time.monotonic() - began)
        return True

    def _discard(self, slot: Slot, why: str) -> list[str]:
        self.stock.spoil(slot, why)
        try:
            self._maker.remove(slot)
        except (DevctlError, OSError) as error:
            log.warning("the warm container %s could not be removed: %s", slot.name, error)
            return []
        self.stock.forget(slot)
        return [f"removed {slot.name}: {why}"]

    def _reconcile(self) -> list[str]:
        """Bring rows and containers together again after crashes."""
        done = []
        for slot in self.stock.abandoned(self.host):
            if self._maker.makes(slot.shape):
                done += self._discard(slot, f"whoever was {slot.state} it has died")
        slots = [slot for slot in self.stock.slots(self.host) if self._maker.makes(slot.shape)]
        for slot in slots:
            if slot.state == "spoilt":
                done += self._discard(slot, slot.why)
            elif slot.state == "ready" and (why := self._maker.why_spoilt(slot)):
                done += self._discard(slot, why)
            elif slot.state == "claimed" and self._maker.why_spoilt(slot) in GONE:
                self.stock.forget(slot)
        containers = self._maker.containers()  # before the rows: each row is there before its container is
        known = {slot.name for slot in self.stock.slots(self.host)}
        for container, name in containers.items():
            if name not in known:
                done += self._remove_unknown(container, name)
        return done

    def _remove_unknown(self, container: str, name: str) -> list[str]:
        """Remove a warm container that no row knows, as after a database was put back."""
        shape = Shape(kind="sandbox", image="", image_id="", cpus=1, memory_mb=16, pids=8, disk_mb=1)
        self._maker.remove(Slot(name=name, host=self.host, key="", shape=shape, container=container, state="spoilt"))
        return [f"removed {name}, which no row knows"]

    def drain(self) -> int:
        """Remove all that nobody has claimed, and keep none from now on but for new demand; returns how many."""
        removed = 0
        for wanted in self.stock.wanted(self.rules):
            if wanted.host == self.host and self._maker.makes(wanted.shape):
                self.stock.set_minimum(wanted.key, 0)
                for slot in self.stock.surplus(self.host, wanted.key, wanted.ready):
                    removed += bool(self._discard(slot, "drained"))
        return removed

    def start(self) -> None:
        """Refill in the background from now on, until `close`; one thread, and none before the first call."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="warm-pool", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the refilling; what is being made is finished."""
        self._stop.set()
        self._wake.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(60)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._guarded(self.refill)
            self._wake.wait(REFILL_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - jitter between processes
            self._wake.clear()
            # Who claimed one is about to work with it: let that begin first.
            self._stop.wait(random.uniform(0.05, 0.3))  # noqa: S311 - jitter

    @staticmethod
    def _guarded(action: Callable[[], object]) -> None:
        try:
            action()
        except (DevctlError, DatabaseError, OSError) as error:
            log.warning("the warm pool could not be refilled: %s", error)
