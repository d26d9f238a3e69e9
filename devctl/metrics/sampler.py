"""Samples all running environments: for the page of metrics, for lists, and in the database for the reaper."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from devctl.errors import DevctlError
from devctl.fleet.database import Database
from devctl.fleet.interfaces import HostPool
from devctl.fleet.records import EnvironmentRecord
from devctl.fleet.rows import Rows
from devctl.hosts.counters import Counters
from devctl.hosts.counting import Counting
from devctl.hosts.engine import HostEngine
from devctl.metrics.gpus import GpuWatch
from devctl.metrics.usage import Usage, usage_between
from devctl.records import Record

log = logging.getLogger(__name__)

STORE_EVERY = timedelta(minutes=5)
STORED_FOR = timedelta(days=8)
_MEASURED = ("running", "paused")
_REMOTE_WORKERS = 8
_STORE = """INSERT INTO sample (environment, at, started, cpu_seconds, counters)
    SELECT %s, %s, %s, %s, %s WHERE EXISTS (SELECT 1 FROM environment WHERE id = %s)
    ON CONFLICT (environment, at) DO NOTHING"""


class Sampled(Record):
    """An environment with what was last measured of it."""

    record: EnvironmentRecord
    counters: Counters | None = None
    usage: Usage | None = None


class Sampler:
    """Measures all environments at each `sample`; what it found may be read from any thread."""

    def __init__(self, database: Database, hosts: HostPool, gpus: GpuWatch | None = None) -> None:
        self.gpus = gpus or GpuWatch()
        self._database = database
        self._rows = Rows(database)
        self._hosts = hosts
        self._counting = Counting()
        self._lock = threading.Lock()
        self._latest: dict[str, Sampled] = {}
        self._stored: dict[str, datetime] = {}
        self._remote: ThreadPoolExecutor | None = None
        self.seconds = 0.0
        """How long the last round took."""
        self.failures = 0
        """Environments that could not be measured, over all rounds."""

    def sample(self) -> None:
        """Measure all; raises StateUnavailable."""
        began = time.monotonic()
        records = self._rows.listed(None, {})
        engines = {host: self._engine(host) for host in {record.host for record in records}}
        local = [record for record in records if not _is_remote(record, engines[record.host])]
        measured = {record.id: self._measured(record, engines[record.host]) for record in local}
        measured |= self._from_remotes([record for record in records if record.id not in measured])
        with self._lock:
            before, self._latest = self._latest, {}
            for record in records:
                self._latest[record.id] = _sampled(record, measured.get(record.id), before.get(record.id))
        self._counting.forget({record.id for record in records})
        self._store([one for one in self.latest() if one.counters is not None and one.record.container is not None])
        self.seconds = time.monotonic() - began

    def latest(self) -> list[Sampled]:
        """All environments as the last round found them."""
        with self._lock:
            return list(self._latest.values())

    def usage(self, identity: str) -> Usage | None:
        """What an environment used lately; None where nothing is known."""
        with self._lock:
            found = self._latest.get(identity)
        return found.usage if found is not None else None

    def forget_old(self) -> None:
        """Remove samples that nobody needs any more."""
        self._database.rows("DELETE FROM sample WHERE at < now() - %s RETURNING at", STORED_FOR)

    def close(self) -> None:
        """End its threads."""
        if self._remote is not None:
            self._remote.shutdown(wait=False, cancel_futures=True)

    def _from_remotes(self, records: list[EnvironmentRecord]) -> dict[str, Counters | None]:
        """Old engines take a second for each answer, so several are asked at once, each only while it answers."""
        if not records:
            return {}
        if self._remote is None:
            self._remote = ThreadPoolExecutor(_REMOTE_WORKERS, thread_name_prefix="devctl-stats")
        counters = self._remote.map(lambda record: self._measured(record, self._engine(record.host)), records)
        return {record.id: found for record, found in zip(records, counters, strict=True)}

    def _measured(self, record: EnvironmentRecord, engine: HostEngine | None) -> Counters | None:
        if engine is None or record.phase not in _MEASURED:
            return None
        try:
            counters = self._counting.read(engine, record)
            return self.gpus.of(record, counters) if counters is not None and engine.local else counters
        except DevctlError as error:
            self.failures += 1
            log.info("%s could not be measured: %s", record.name, error.message)
            return None

    def _engine(self, host: str) -> HostEngine | None:
        if not host:
            return None
        try:
            return self._hosts.engine(host)
        except DevctlError as error:
            log.info("the host %s could not be asked: %s", host, error.message)
            return None

    def _store(self, measured: list[Sampled]) -> None:
        """Write down counters for the reaper, not oftener than it needs; it judges those without a container by what
        runs in them."""
        due = [one for one in measured if one.counters is not None and self._is_due(one.record.id, one.counters.at)]
        if not due:
            return
        with self._database.transaction() as connection, connection.cursor() as cursor:
            cursor.executemany(_STORE, [_row(one.record.id, one.counters) for one in due if one.counters is not None])
        self._stored = {
            one.record.id: self._stored.get(one.record.id, one.counters.at) for one in measured if one.counters
        }
        self._stored |= {one.record.id: one.counters.at for one in due if one.counters is not None}

    def _is_due(self, identity: str, at: datetime) -> bool:
        last = self._stored.get(identity)
        return last is None or at - last >= STORE_EVERY


def _is_remote(record: EnvironmentRecord, engine: HostEngine | None) -> bool:
    """Whether its counters have to be asked for; else they are files of this machine, or it has none."""
    return record.phase in _MEASURED and engine is not None and not engine.local


def _row(identity: str, counters: Counters) -> tuple[object, ...]:
    more = counters.model_dump(mode="json", exclude={"at", "started", "cpu_seconds"}, exclude_none=True)
    return (identity, counters.at, counters.started, counters.cpu_seconds, Jsonb(more), identity)


def _sampled(record: EnvironmentRecord, now: Counters | None, before: Sampled | None) -> Sampled:
    if now is None:
        return Sampled(record=record)
    earlier = before.counters if before is not None else None
    cpus = record.spec.limits.cpus
    return Sampled(
        record=record, counters=now, usage=usage_between(earlier, now, cpus) if earlier is not None else None
    )
