"""Work that goes on beside the requests: each piece in a thread of its own, its errors logged and counted."""

import logging
import threading
from collections import Counter
from collections.abc import Callable

import psycopg

from devctl.errors import DevctlError

log = logging.getLogger(__name__)

_JOIN_SECONDS = 10.0


class Background:
    """Runs work once or again and again until it is stopped."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.runs: Counter[str] = Counter()
        """How often each piece was run."""
        self.failures: Counter[str] = Counter()
        """How often each piece failed."""
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
        self.failures[name] += 0  # counters that are there from the beginning can be compared with later
        thread = threading.Thread(target=target, name=f"devctl-{name}", daemon=True)
        with self._lock:  # `stop` must neither miss a thread nor wait for one that has not begun
            if not self.stopping.is_set():
                thread.start()
                self._threads.append(thread)

    def _run(self, name: str, work: Callable[[], object]) -> None:
        self.runs[name] += 1
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
            self.failures[name] += 1
