"""Keeping the log of webhooks short, a few rows at a time, so that nobody waits long for the database."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from forge.store import hooks
from forge.store.database import Database, now

logger = logging.getLogger(__name__)

BATCH = 100
"""Rows that one transaction removes."""
ROUND_SECONDS = 60.0
GAP_SECONDS = 0.05
"""Between two transactions: others write meanwhile."""


class Pruner:
    """The thread that removes sent deliveries which are too old, or too many for their hook; what waits is kept."""

    def __init__(self, database: Database, days: float, most: int) -> None:
        self._database = database
        self._days = days
        self._most = most
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="pruning", daemon=True)

    def start(self) -> None:
        """Begin, and look once a minute from then on."""
        self._thread.start()

    def stop(self) -> None:
        """End after the transaction in progress."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                removed = self.prune()
                if removed:
                    logger.info("removed %s webhook deliveries from the log", removed)
            except sqlite3.Error as fault:
                logger.warning("the log of webhooks stays as it is for now: %s", fault)
            self._stopping.wait(ROUND_SECONDS)
        self._database.close()

    def prune(self) -> int:
        """Remove what is due now; returns how many rows that were."""
        limit = datetime.fromisoformat(now()).astimezone(UTC) - timedelta(days=self._days)
        before = limit.strftime("%Y-%m-%dT%H:%M:%SZ")
        with self._database.read() as db:
            ends = hooks.log_ends(db, self._most)
        removed = self._emptied(partial(hooks.sent_before, at=before))
        for hook_id, last in ends.items():
            removed += self._emptied(partial(hooks.sent_up_to, hook_id=hook_id, last=last))
        return removed

    def _emptied(self, due: Callable[..., Sequence[int]]) -> int:
        removed = 0
        while not self._stopping.is_set():
            with self._database.read() as db:
                keys = due(db, most=BATCH)
            if not keys:
                break
            with self._database.write() as db:
                hooks.forget_deliveries(db, keys)
            removed += len(keys)
            self._stopping.wait(GAP_SECONDS)
        return removed
