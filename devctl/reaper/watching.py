"""What is known of an environment: its row, its uses, its samples, and how it is on its host at this moment."""

import logging
from datetime import datetime, timedelta

from devctl.errors import DevctlError
from devctl.fleet.database import Database
from devctl.fleet.interfaces import HostPool
from devctl.fleet.records import EnvironmentRecord
from devctl.hosts.vitals import Vitals, read_vitals
from devctl.reaper.records import KEEP_LABEL, ReaperRules, Sample, Situation, Use

log = logging.getLogger(__name__)

_SAMPLE = """INSERT INTO sample (environment, at, started, cpu_seconds) VALUES (%s, %s, %s, %s)
    ON CONFLICT (environment, at) DO NOTHING RETURNING at"""
_SAMPLES = """SELECT at, started, cpu_seconds FROM sample WHERE environment = %s
    AND at >= coalesce((SELECT max(at) FROM sample WHERE environment = %s AND at < %s), %s) ORDER BY at"""
"""From the last one before a moment on."""
_USES = "SELECT kind, at, open FROM activity WHERE environment = %s"


class Watcher:
    """Puts together what is known of environments; it runs nothing in them, so that looking is no use."""

    def __init__(self, database: Database, hosts: HostPool, rules: ReaperRules) -> None:
        self._database = database
        self._hosts = hosts
        self._rules = rules

    def now(self) -> datetime:
        """The database's clock, by which uses and samples are written down too."""
        moment = self._database.rows("SELECT clock_timestamp() AS now")[0]["now"]
        assert isinstance(moment, datetime)  # noqa: S101 - the database's own type
        return moment

    def situation(self, record: EnvironmentRecord, now: datetime, keep: bool = True) -> Situation:
        """Look at an environment; with `keep` what was seen stays as a sample."""
        vitals, away = self._vitals(record)
        fresh = self._fresh(vitals, now)
        if keep and fresh is not None:
            self._database.rows(_SAMPLE, record.id, fresh.at, fresh.started, fresh.cpu_seconds)
        since = now - self._rules.idle
        rows = self._database.rows(_SAMPLES, record.id, record.id, since, since)
        stored = [Sample.model_validate(row) for row in rows]
        newest = [fresh] if fresh is not None and (not stored or stored[-1].at < fresh.at) else []
        return Situation(
            phase="stopped" if vitals is None and not away and record.phase in ("running", "paused") else record.phase,
            since=max(filter(None, (record.started, record.created))),
            label=record.spec.labels.get(KEEP_LABEL),
            keep_until=record.keep_until,
            away=away,
            uses=tuple(Use.model_validate(row) for row in self._database.rows(_USES, record.id)),
            sessions=vitals.sessions if vitals is not None else None,
            samples=(*stored, *newest),
        )

    def forget(self, now: datetime) -> None:
        """Remove samples that no decision needs any more."""
        before = now - self._rules.idle - 4 * self._rules.gap - timedelta(days=1)
        self._database.rows("DELETE FROM sample WHERE at < %s RETURNING at", before)

    def _vitals(self, record: EnvironmentRecord) -> tuple[Vitals | None, str]:
        if record.phase not in ("running", "paused"):
            return None, ""
        try:
            return read_vitals(self._hosts.engine(record.host), record), ""
        except DevctlError as error:
            log.warning("%s cannot be looked at: %s", record.name, error.message)
            return None, error.message

    @staticmethod
    def _fresh(vitals: Vitals | None, now: datetime) -> Sample | None:
        if vitals is None or vitals.cpu_seconds is None:
            return None
        return Sample(at=now, started=vitals.started, cpu_seconds=vitals.cpu_seconds)
