"""How many requests each person has made this hour, and when no more are answered."""

import threading
import time

from forge.records import Record

WINDOW = 3600
"""Seconds; a person's hour begins with their first request."""


class Standing(Record):
    """Where a person stands; `reset` is in seconds since 1970."""

    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        """How many requests are left."""
        return self.limit - self.used


class Limits:
    """Counts per person, kept in memory: a restarted forge starts anew."""

    def __init__(self, per_hour: int) -> None:
        self._per_hour = per_hour
        self._guard = threading.Lock()
        self._windows: dict[str, tuple[int, int]] = {}

    def look(self, who: str) -> Standing:
        """Where this person stands, without counting a request."""
        with self._guard:
            used, reset = self._window(who)
            return Standing(limit=self._per_hour, used=used, reset=reset)

    def take(self, who: str) -> bool:
        """Count a request; False when none is left."""
        with self._guard:
            used, reset = self._window(who)
            if used >= self._per_hour:
                return False
            self._windows[who] = (used + 1, reset)
            return True

    def give_back(self, who: str) -> None:
        """Take back the last count: an answer that nothing has changed is free."""
        with self._guard:
            used, reset = self._window(who)
            self._windows[who] = (max(0, used - 1), reset)

    def _window(self, who: str) -> tuple[int, int]:
        now = int(time.time())
        used, reset = self._windows.get(who, (0, 0))
        return (used, reset) if now < reset else (0, now + WINDOW)
