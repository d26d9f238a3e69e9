"""Work that goes on beside the requests: each piece in a thread of its own, its errors logged and counted."""

import logging
import threading
from collections.abc import Callable

import psycopg

from devctl.errors import DevctlError

log = logging.getLogger(__name__)

_JOIN_SECONDS = 10.0


class Background:
    """Runs work once or again and again until it is stopped."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.runs: dict[str, int] = {}
        """How often each piece was run; what was read stays as it is."""
        self.failures: dict[str, int] = {}
        """How often each piece failed; what was read stays as it is."""
        self._counting = threading.Lock()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def once(self, name: str, work: Callable[[], object]) -> None:
        """Run a piece now; nothing is begun after `stop`."""
        self._start(name, lambda: self._run(name, work))

    def every(self, name: str, seconds: float, work: Callable[[], object], at_once: bool = False) -> None:
        """Run a piece again and again, with a pause between."""

        def repeat() -> None:
            if at_once:
                self._run(name, work)
            while not self.stopping.wait(seconds):
                self._run(name, work)

        self._start(name, repeat)

    def stop(self) -> None:
        """Ask all to end and wait a while for them."""
        with self._lock:
            self.stopping.set()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)

    def _start(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=f"devctl-{name}", daemon=True)
        with self._lock:  # `stop` must neither miss a thread nor wait for one that has not begun
            if not self.stopping.is_set():
                self._count(name, 0, 0)  # counters that are there from the beginning can be compared with later
                thread.start()
                self._threads.append(thread)

    def _run(self, name: str, work: Callable[[], object]) -> None:
        self._count(name, 1, 0)
        try:
            work()
        except (DevctlError, OSError) as error:
            self._failed(name)
            log.warning("%s failed: %s", name, error)
        except psycopg.Error as error:
            self._failed(name)
            log.warning("%s failed in the database: %s", name, error)
        except Exception:  # noqa: BLE001 - the outermost boundary of the thread: one defect must not end the work for good
            self._failed(name)
            log.exception("%s broke down", name)

    def _failed(self, name: str) -> None:
        if not self.stopping.is_set():
            self._count(name, 0, 1)

    def _count(self, name: str, runs: int, failures: int) -> None:
        """Give others counters that no longer change: a page may be rendered while work is still being begun."""
        with self._counting:
            self.runs = self.runs | {name: self.runs.get(name, 0) + runs}
            self.failures = self.failures | {name: self.failures.get(name, 0) + failures}
