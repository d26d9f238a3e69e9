"""What the database counts of launches and decisions, whichever program took part."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from devctl.fleet.database import Database
from devctl.metrics.feed import Feed

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0)
"""Seconds; 2 and 5 are what warm and cold launches are to keep below."""
_SHARE = """SELECT count(*) FILTER (WHERE result = 'failed') AS failed, count(*) FILTER (WHERE result <> 'refused') AS all
    FROM launch WHERE at > now() - interval '24 hours'"""
_FORGET = "DELETE FROM launch WHERE at < now() - interval '30 days' RETURNING id"


class StoredCounts:
    """Counts rows that are new since the last look; the counters begin at zero with the process."""

    def __init__(self, database: Database, registry: CollectorRegistry) -> None:
        self._database = database
        self._launched = Feed(database, "launch", "way, result, seconds")
        self._denied = Feed(database, "audit", "operation, dry_run, rules", "NOT allowed OR dry_run")
        self._launches = Counter("devctl_launches", "Launches by how they ended", ["way", "result"], registry=registry)
        self._seconds = Histogram(
            "devctl_launch_seconds", "Duration of launches that succeeded", ["way"], buckets=BUCKETS, registry=registry
        )
        self._denials = Counter(
            "devctl_denials", "What the policy refused", ["operation", "dry_run"], registry=registry
        )
        self._rules = Counter(
            "devctl_denied_rules", "Rules that spoke against something; several can at once", ["rule", "dry_run"],
            registry=registry,
        )  # fmt: skip
        self._share = Gauge(
            "devctl_launches_failed_ratio", "Share of the launches of 24 hours that failed", registry=registry
        )
        for way in ("cold", "warm"):
            self._seconds.labels(way)
            for result in ("ok", "refused", "failed"):
                self._launches.labels(way, result)

    def update(self) -> None:
        """Look for new rows; raises StateUnavailable."""
        for row in self._launched.new():
            self._launches.labels(row["way"], row["result"]).inc()
            if row["result"] == "ok":
                self._seconds.labels(row["way"]).observe(row["seconds"])
        for row in self._denied.new():
            dry_run = str(row["dry_run"]).lower()
            self._denials.labels(row["operation"], dry_run).inc()
            for rule in row["rules"]:
                self._rules.labels(rule, dry_run).inc()
        found = self._database.rows(_SHARE)[0]
        self._share.set(found["failed"] / found["all"] if found["all"] else 0.0)

    def forget_old(self) -> None:
        """Remove launches that no figure looks at any more."""
        self._database.rows(_FORGET)
