"""Where the table gets its rows from: the fleet in this process, or a service."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from devctl.client.client import Client
from devctl.client.environments import Environments
from devctl.client.local import LocalClient
from devctl.fleet.records import EnvironmentRecord
from devctl.metrics.sampler import Sampled, Sampler
from devctl.reaper.reaper import Reaper
from devctl.reaper.records import ReaperRules, Verdict
from devctl.top.rows import TopRow, now

JUDGED_FOR = 10.0
"""Seconds for which a verdict and the phases are believed: they ask each host, which the counters mostly do not."""


class Source(Protocol):
    """Environments of one place; its methods may wait for hosts, and are called from any thread."""

    place: str
    """Where they are, as people know it."""
    measures: bool
    """Whether processor time is made out between two looks; a service has it at once."""

    @property
    def client(self) -> Environments:
        """What acts on them."""
        ...

    def look(self) -> list[TopRow]:
        """All environments that the caller may see; raises the errors of the fleet."""
        ...

    def remove(self, record: EnvironmentRecord) -> None:
        """Remove one with its files and with what leads to it."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class LocalSource:
    """The fleet in this process, with the counters of its environments and the reaper's view of them."""

    place = "this machine"
    measures = True

    def __init__(
        self, client: LocalClient, rules: ReaperRules, forget: Callable[[EnvironmentRecord], None] | None = None
    ) -> None:
        self.client = client
        parts = client.fleet.parts
        self._sampler = Sampler(parts.database, parts.hosts)
        self._reaper = Reaper(client.fleet, rules)
        self._forget = forget
        self._verdicts: dict[str, tuple[float, str, datetime | None, Verdict]] = {}
        self._refreshed: float | None = None

    def look(self) -> list[TopRow]:
        """Measure all environments; one thread at a time may do it."""
        moment = time.monotonic()
        if self._refreshed is None or moment - self._refreshed >= JUDGED_FOR:
            self.client.fleet.refresh()
            self._refreshed = moment
        self._sampler.sample()
        sampled = {one.record.id: one for one in self._sampler.latest()}
        records = self.client.list(all_users=True)
        self._verdicts = {one.id: self._verdicts[one.id] for one in records if one.id in self._verdicts}
        return [self._row(record, sampled.get(record.id), moment) for record in records]

    def remove(self, record: EnvironmentRecord) -> None:
        """Remove it, and its entry in the ssh configuration."""
        self.client.remove(record.id)
        if self._forget is not None:
            self._forget(record)

    def close(self) -> None:
        """End the threads that measure; the fleet is whose it was."""
        self._sampler.close()

    def _row(self, record: EnvironmentRecord, sampled: Sampled | None, moment: float) -> TopRow:
        usage = sampled.usage if sampled is not None else None
        counters = sampled.counters if sampled is not None else None
        return TopRow(
            record=record,
            cpu_percent=usage.cpu_percent if usage is not None else None,
            memory_bytes=counters.memory_bytes if counters is not None else None,
            verdict=self._verdict(record, moment),
            at=now(),
        )

    def _verdict(self, record: EnvironmentRecord, moment: float) -> Verdict:
        known = self._verdicts.get(record.id)
        if known and moment - known[0] < JUDGED_FOR and known[1:3] == (record.phase, record.keep_until):
            return known[3]
        verdict = self._reaper.explain(record)
        self._verdicts[record.id] = (moment, record.phase, record.keep_until, verdict)
        return verdict


class ServiceSource:
    """A service; it measures by itself, and does not tell in its list why an environment counts as idle or not."""

    measures = False

    def __init__(self, client: Client, url: str) -> None:
        self.client = client
        self.place = url

    def look(self) -> list[TopRow]:
        """Ask the service for all that the token may see."""
        return [
            TopRow(
                record=EnvironmentRecord.model_validate(view.model_dump(include=set(EnvironmentRecord.model_fields))),
                cpu_percent=view.usage.cpu_percent if view.usage is not None else None,
                memory_bytes=view.usage.memory_bytes if view.usage is not None else None,
                at=now(),
            )
            for view in self.client.views(all_users=True)
        ]

    def remove(self, record: EnvironmentRecord) -> None:
        """Have the service remove it."""
        self.client.remove(record.id)

    def close(self) -> None:
        """Nothing is kept open."""
