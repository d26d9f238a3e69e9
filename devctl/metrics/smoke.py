"""The smoke tests of GPUs in numbers, whoever ran them."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from devctl.fleet.database import Database
from devctl.metrics.feed import Feed

_PASSED = """SELECT host, extract(epoch FROM max(at))::float8 AS at FROM gpu_smoke WHERE outcome = 'passed'
    GROUP BY host"""
_SHARE = """SELECT host, avg((outcome = 'failed')::int)::float8 AS share FROM gpu_smoke
    WHERE outcome <> 'no gpu' AND at > now() - interval '7 days' GROUP BY host"""


class SmokeCounts:
    """Counts tests by host; a host that never had a GPU has neither a share nor a moment."""

    def __init__(self, database: Database, registry: CollectorRegistry) -> None:
        self._database = database
        self._tested = Feed(database, "gpu_smoke", "host, outcome")
        self._tests = Counter(
            "devctl_gpu_smoke_tests", "Containers launched to see whether they get a GPU", ["host", "outcome"],
            registry=registry,
        )  # fmt: skip
        self._passed = Gauge(
            "devctl_gpu_smoke_success_timestamp_seconds", "When a test last passed", ["host"], registry=registry
        )
        self._share = Gauge(
            "devctl_gpu_smoke_failed_ratio", "Share of the tests of 7 days that failed", ["host"], registry=registry
        )

    def update(self) -> None:
        """Look for new results; raises StateUnavailable."""
        for row in self._tested.new():
            self._tests.labels(row["host"], row["outcome"].replace(" ", "_")).inc()
        for gauge, query, column in ((self._passed, _PASSED, "at"), (self._share, _SHARE, "share")):
            rows = self._database.rows(query)
            gauge.clear()
            for row in rows:
                gauge.labels(row["host"]).set(row[column])
