"""The passes of the reaper: look at all environments, stop the idle ones, write down why or why not."""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from devctl.admission import audit
from devctl.errors import DevctlError
from devctl.fleet.activity import lock_alone
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import EnvironmentRecord
from devctl.fleet.rows import Rows
from devctl.reaper.judging import judge
from devctl.reaper.records import Explanation, ReaperRules, Verdict
from devctl.reaper.watching import Watcher
from devctl.records import Record

log = logging.getLogger(__name__)

PASS_LOCK = 7_236_010
"""Key of the advisory lock that lets one process make a pass at a time."""
WHO = "reaper"
_RECORD = "INSERT INTO reaper_pass (at, seconds, looked, stopped, stopped_by, left_by) VALUES (%s, %s, %s, %s, %s, %s)"
LOOKERS = 6
"""Two connections each at most, of the sixteen that a process has."""
_VERDICT = """INSERT INTO verdict (environment, at, reap, stopped, reason, verdict) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (environment) DO UPDATE SET at = excluded.at, reap = excluded.reap, stopped = excluded.stopped,
    reason = excluded.reason, verdict = excluded.verdict RETURNING environment"""


class Looked(Record):
    """What came of one environment in a pass."""

    environment: str
    name: str
    owner: str
    verdict: Verdict
    stopped: bool = False
    note: str = ""
    """Why an idle one was not stopped after all."""


class Reaper:
    """Stops what is idle; it removes nothing. Any number of processes may run one: they take turns."""

    def __init__(
        self, fleet: Fleet, rules: ReaperRules | None = None, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._fleet = fleet
        self.rules = rules or ReaperRules()
        self._database = fleet.parts.database
        self._rows = Rows(self._database)
        self._watcher = Watcher(self._database, fleet.parts.hosts, self.rules)
        self._clock = clock or self._watcher.now

    def run_pass(self, dry_run: bool = False) -> list[Looked]:
        """Look at all environments that run and stop the idle ones; empty when another process does it just now.

        A dry run takes samples, so that a later pass knows more, and stops nothing.
        """
        with self._database.transaction() as connection:
            row = connection.execute("SELECT pg_try_advisory_xact_lock(%s) AS got", [PASS_LOCK]).fetchone()
            if not row or not row["got"]:
                log.info("another process looks for idle environments at this moment")
                return []
            begin, now = time.monotonic(), self._clock()
            records = [one for one in self._rows.listed(None, {}) if one.phase in ("running", "paused", "lost")]
            with ThreadPoolExecutor(LOOKERS, thread_name_prefix="reaper") as pool:
                looked = list(pool.map(lambda record: self._look(record, now, dry_run), records))
            stopped = sum(one.stopped for one in looked)
            if not dry_run:
                by = [Counter(one.verdict.reason for one in looked if one.stopped is which) for which in (True, False)]
                took = time.monotonic() - begin
                connection.execute(_RECORD, [now, took, len(looked), stopped, Jsonb(by[0]), Jsonb(by[1])])
                self._tidy(now)
        log.info("looked at %d environments, stopped %d", len(looked), stopped)
        return looked

    def explain(self, record: EnvironmentRecord) -> Verdict:
        """Say why an environment would or would not be stopped at this moment; changes nothing."""
        now = self._clock()
        return judge(self._watcher.situation(record, now, keep=False), self.rules, now)

    def explained(self, record: EnvironmentRecord) -> Explanation:
        """The same with what it was made by, for people."""
        return Explanation(
            name=record.name, phase=record.phase, why=record.why, verdict=self.explain(record),
            next_pass=self.next_pass(), rules=self.rules,
        )  # fmt: skip

    def next_pass(self) -> datetime | None:
        """When the next pass is due; None when there was none yet."""
        rows = self._database.rows("SELECT at FROM reaper_pass ORDER BY id DESC LIMIT 1")
        return rows[0]["at"] + timedelta(seconds=self.rules.pass_seconds) if rows else None

    def wait(self) -> float:
        """Seconds until the next pass is due; a pass that lies in the future says that the clock was put back."""
        due = self.next_pass()
        left = (due - self._clock()).total_seconds() if due is not None else 0.0
        return left if 0 < left <= self.rules.pass_seconds else 0.0

    def run(self, stop: threading.Event) -> None:
        """Make a pass when one is due, until `stop` is set; errors are logged and the next pass tried."""
        while not stop.is_set():
            wait = self.rules.pass_seconds
            try:
                wait = self.wait()
                if wait == 0:
                    self.run_pass()
                    wait = self.rules.pass_seconds
            except DevctlError as error:
                log.warning("idle environments could not be looked for: %s", error)
            stop.wait(wait * random.uniform(1.0, 1.05))  # noqa: S311 - spreads several services, keeps no secret

    def _look(self, record: EnvironmentRecord, now: datetime, dry_run: bool) -> Looked:
        verdict = judge(self._watcher.situation(record, now), self.rules, now)
        looked = Looked(environment=record.id, name=record.name, owner=record.owner, verdict=verdict)
        if verdict.reap and not dry_run:
            looked = self._stop(record, looked)
        values = (looked.stopped, looked.verdict.reason, Jsonb(looked.verdict.model_dump(mode="json")))
        self._database.rows(_VERDICT, record.id, now, looked.verdict.reap, *values)
        return looked

    def _stop(self, record: EnvironmentRecord, looked: Looked) -> Looked:
        """Stop an idle one: no use begins meanwhile, and what has happened since the first look counts."""
        with self._database.transaction() as connection:
            if not lock_alone(connection, record.id):
                return looked.model_copy(update={"note": "somebody uses it at this moment"})
            now = self._clock()
            again = self._rows.by_id(record.id)
            if again is None:
                return looked.model_copy(update={"note": "it was removed meanwhile"})
            verdict = judge(self._watcher.situation(again, now, keep=False), self.rules, now)
            if not verdict.reap:
                return looked.model_copy(update={"verdict": verdict, "note": f"meanwhile {verdict.words}"})
            why = f"stopped by the reaper: {verdict.words}"
            try:
                self._fleet.parts.hosts.engine(again.host).stop(again, 10.0)
            except DevctlError as error:
                log.warning("%s is idle and could not be stopped: %s", again.name, error)
                return looked.model_copy(update={"note": f"it could not be stopped: {error.message}"})
            self._rows.move(again, "stopped", why, only_from=("running", "paused"))
            line = audit.NewLine(
                who=WHO, operation="stop", subject=again.name, allowed=True, reasons=(verdict.words,)
            )  # fmt: skip
            audit.write(connection, line)
        log.info("stopped %s (%s): %s", again.name, again.id, verdict.words)
        return looked.model_copy(update={"verdict": verdict, "stopped": True})

    def _tidy(self, now: datetime) -> None:
        self._watcher.forget(now)
        audit.forget(self._database, now - timedelta(days=self.rules.audit_days))
        self._database.rows("DELETE FROM reaper_pass WHERE at < %s RETURNING id", now - timedelta(days=30))
