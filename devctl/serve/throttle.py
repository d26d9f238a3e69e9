"""How often an address may fail to show a token."""

import threading
import time
from collections import OrderedDict

ALLOWED = 10
"""Failures that an address has at once."""
SECONDS = 6.0
"""After so long one more is allowed."""
_MOST = 10_000
"""Addresses remembered; the longest unseen is forgotten first."""


class Throttle:
    """Counts failures by address, as a bucket that empties with time; safe to share between threads."""

    def __init__(self, allowed: int = ALLOWED, seconds: float = SECONDS) -> None:
        self._allowed = allowed
        self._seconds = seconds
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, address: str, now: float | None = None) -> float:
        """Return the seconds until the address may try again; 0 when it may."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            level = self._level(address, moment)
        return max(0.0, (level - (self._allowed - 1)) * self._seconds)

    def failed(self, address: str, now: float | None = None) -> None:
        """Note a failure."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            self._buckets[address] = (self._level(address, moment) + 1, moment)
            self._buckets.move_to_end(address)
            while len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)

    def _level(self, address: str, now: float) -> float:
        level, since = self._buckets.get(address, (0.0, now))
        return max(0.0, level - (now - since) / self._seconds)
