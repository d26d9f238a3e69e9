"""The warm pool in numbers, of all programs that share it."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from devctl.fleet.database import Database
from devctl.metrics.feed import Feed
from devctl.metrics.stored import BUCKETS

_SLOTS = "SELECT host, state, count(*) AS number FROM warm GROUP BY host, state"
_STATES = ("making", "ready", "claimed", "spoilt")


class PoolCounts:
    """Counts claims and refills, and shows what is in stock; hosts are the only label without a fixed set."""

    def __init__(self, database: Database, registry: CollectorRegistry) -> None:
        self._database = database
        self._claimed = Feed(database, "warm_demand", "host, hit")
        self._happened = Feed(database, "warm_event", "host, kind, seconds")
        self._containers = Gauge(
            "devctl_pool_containers", "Warm containers by state", ["host", "state"], registry=registry
        )
        self._claims = Counter(
            "devctl_pool_claims", "Launches that asked for a warm container, and whether there was one",
            ["host", "result"], registry=registry,
        )  # fmt: skip
        self._refills = Counter(
            "devctl_pool_refills", "Warm containers that were made or could not be", ["host", "result"],
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "devctl_pool_refill_seconds", "Time to make one", ["host"], buckets=BUCKETS, registry=registry
        )
        self._unclean = Counter(
            "devctl_pool_unclean", "Warm containers that were not as they were made when one was claimed", ["host"],
            registry=registry,
        )  # fmt: skip

    def update(self) -> None:
        """Look for what is new; raises StateUnavailable."""
        for row in self._claimed.new():
            self._known(row["host"])
            self._claims.labels(row["host"], "hit" if row["hit"] else "miss").inc()
        for row in self._happened.new():
            self._known(row["host"])
            if row["kind"] == "unclean":
                self._unclean.labels(row["host"]).inc()
                continue
            self._refills.labels(row["host"], row["kind"]).inc()
            if row["kind"] == "made":
                self._seconds.labels(row["host"]).observe(row["seconds"])
        slots = {(row["host"], row["state"]): row["number"] for row in self._database.rows(_SLOTS)}
        self._containers.clear()
        for host in sorted({host for host, _ in slots}):
            self._known(host)
            for state in _STATES:
                self._containers.labels(host, state).set(slots.get((host, state), 0))

    def _known(self, host: str) -> None:
        """Have a host's counters there from the first look on: a rate needs a beginning."""
        self._unclean.labels(host)
        self._seconds.labels(host)
        for family, results in ((self._claims, ("hit", "miss")), (self._refills, ("made", "failed"))):
            for result in results:
                family.labels(host, result)
