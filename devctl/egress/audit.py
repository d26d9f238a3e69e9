"""What proxies decided, written into the audit: one row for each thing asked for, however often it was asked."""

import logging
import threading

from psycopg.types.json import Jsonb

from devctl.egress.proxy import Decision
from devctl.egress.wishes import Wish
from devctl.errors import StateUnavailable
from devctl.fleet.database import Database

log = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
MOST_KEYS = 200
"""Different things of one environment that are told apart within one flush; the rest is one row."""
_INSERT = """INSERT INTO audit (who, operation, subject, allowed, reasons, details)
    VALUES (%s, 'egress', %s, %s, %s, %s) RETURNING id"""

_Key = tuple[str, str, int, bool, str]


class EgressAudit:
    """Gathers decisions and writes them from a thread of its own; a context manager that writes the last ones."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._counts: dict[_Key, int] = {}
        self._wishes: dict[str, Wish] = {}
        self._addresses: dict[_Key, str] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="egress-audit", daemon=True)
        self._thread.start()

    def record(self, wish: Wish, decision: Decision) -> None:
        """Take a decision; never waits for the database."""
        key: _Key = (wish.environment, decision.host, decision.port, decision.allowed, decision.reason)
        with self._lock:
            self._wishes[wish.environment] = wish
            mine = sum(1 for known in self._counts if known[0] == wish.environment)
            if key not in self._counts and mine >= MOST_KEYS:
                key = (wish.environment, "*", 0, decision.allowed, "more than are told apart")
            self._counts[key] = self._counts.get(key, 0) + 1
            self._addresses[key] = decision.address

    def flush(self) -> None:
        """Write what was gathered; keeps it when the database does not answer."""
        with self._lock:
            counts, self._counts = self._counts, {}
            addresses, self._addresses = self._addresses, {}
        try:
            for key, count in counts.items():
                environment, host, port, allowed, reason = key
                wish = self._wishes[environment]
                details = {"environment": environment, "host": host, "port": port, "times": count}
                details |= {"address": addresses[key]} if addresses[key] else {}
                self._database.rows(_INSERT, wish.owner, wish.name, allowed, Jsonb([reason]), Jsonb(details))
        except StateUnavailable as error:
            log.warning("the audit of %d decisions was not written: %s", sum(counts.values()), error)

    def close(self) -> None:
        """Write the last ones."""
        self._ended.set()
        self._thread.join()
        self.flush()

    def __enter__(self) -> "EgressAudit":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write_on(self) -> None:
        while not self._ended.wait(FLUSH_SECONDS):
            self.flush()
