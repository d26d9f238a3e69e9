"""The idle reaper in numbers, whichever program makes its passes."""

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from devctl.fleet.database import Database
from devctl.metrics.feed import Feed
from devctl.reaper.records import Reason

_LAST = "SELECT extract(epoch FROM at)::float8 AS at, seconds FROM reaper_pass ORDER BY id DESC LIMIT 1"


class ReaperCounts:
    """Counts passes and what they said."""

    def __init__(self, database: Database, registry: CollectorRegistry) -> None:
        self._database = database
        self._passed = Feed(database, "reaper_pass", "stopped_by, left_by")
        self._passes = Counter("devctl_reaper_passes", "Looks at all environments", registry=registry)
        self._stopped = Counter(
            "devctl_reaper_stopped", "Environments that were stopped, by reason", ["reason"], registry=registry
        )
        self._left = Counter(
            "devctl_reaper_left", "Environments that were looked at and left alone, by reason", ["reason"],
            registry=registry,
        )  # fmt: skip
        for reason in get_args(Reason):
            self._left.labels(reason)
        self._stopped.labels("idle")
        self._registry = registry
        self._last: tuple[Gauge, Gauge] | None = None

    def update(self) -> None:
        """Look for new passes; raises StateUnavailable."""
        for row in self._passed.new():
            self._passes.inc()
            for family, counts in ((self._stopped, row["stopped_by"]), (self._left, row["left_by"])):
                for reason, number in counts.items():
                    family.labels(reason).inc(number)
        for row in self._database.rows(_LAST):
            self._last = self._last or self._of_last()
            for gauge, value in zip(self._last, (row["at"], row["seconds"]), strict=True):
                gauge.set(value)

    def _of_last(self) -> tuple[Gauge, Gauge]:
        """Only from the first pass on: before it there is no moment to show."""
        return (
            Gauge("devctl_reaper_pass_timestamp_seconds", "When the last pass began", registry=self._registry),
            Gauge("devctl_reaper_pass_seconds", "Time of the last pass", registry=self._registry),
        )
