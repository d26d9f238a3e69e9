"""The page of metrics: rendered once per interval, however often it is asked for."""

import gzip
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from devctl.fleet.database import Database
from devctl.metrics.families import EnvironmentText
from devctl.metrics.gpus import GpuCollector
from devctl.metrics.reaping import ReaperCounts
from devctl.metrics.sampler import Sampler
from devctl.metrics.smoke import SmokeCounts
from devctl.metrics.stock import PoolCounts
from devctl.metrics.stored import StoredCounts

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class MetricsPage:
    """All metrics of a service, and the page as it was last rendered; safe to read from any thread."""

    def __init__(self, database: Database, sampler: Sampler) -> None:
        self.registry = CollectorRegistry()
        self._sampler = sampler
        self._stored = StoredCounts(database, self.registry)
        self._pool = PoolCounts(database, self.registry)
        self._reaper = ReaperCounts(database, self.registry)
        self._smoke = SmokeCounts(database, self.registry)
        self._environments = EnvironmentText(sampler.latest)
        self.registry.register(GpuCollector(sampler.gpus.latest))
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "devctl_requests", "Requests of the service", ["method", "route", "status"], registry=self.registry
        )
        self.request_seconds = Histogram(
            "devctl_request_seconds", "Time until the answer began", ["method", "route"], buckets=REQUEST_BUCKETS,
            registry=self.registry,
        )  # fmt: skip
        self._sample_seconds = Gauge(
            "devctl_sample_seconds", "Time of the last round of samples", registry=self.registry
        )
        self._unmeasured = Gauge("devctl_unmeasured", "Environments not measured so far", registry=self.registry)
        self._render_seconds = Gauge("devctl_page_render_seconds", "Time of the last rendering", registry=self.registry)
        self._rendered = Gauge("devctl_page_rendered_timestamp_seconds", "When it was", registry=self.registry)
        self.registry.register(_Count("devctl_scrapes", "Times that the page was asked for", lambda: self.scrapes))
        self.scrapes = 0
        """Approximate: a plain number, as a lock for each scrape would cost more than it tells."""
        self._lock, self._refreshing = threading.Lock(), threading.Lock()
        self._plain, self._packed = b"", b""
        self._forgotten = 0.0

    def gauge(self, name: str, words: str, read: Callable[[], float]) -> None:
        """Have the page show a number that is read when it is rendered."""
        Gauge(name, words, registry=self.registry).set_function(read)

    def counts(self, name: str, words: str, label: str, read: Callable[[], Mapping[str, int]]) -> None:
        """Have the page show numbers that only grow, by one label."""
        self.registry.register(_Counts(name, words, label, read))

    def add(self, collector: Collector) -> None:
        """Have the page show what another part counts."""
        self.registry.register(collector)

    def refresh(self) -> None:
        """Measure and render anew; raises StateUnavailable, and the page stays as it was then."""
        with self._refreshing:
            self._refresh()

    def _refresh(self) -> None:
        self._sampler.sample()
        for counts in (self._stored, self._pool, self._reaper, self._smoke):
            counts.update()
        if time.monotonic() - self._forgotten > 3_600:
            self._sampler.forget_old()
            self._stored.forget_old()
            self._forgotten = time.monotonic()
        self._sample_seconds.set(self._sampler.seconds)
        self._unmeasured.set(self._sampler.failures)
        self.render()

    def render(self) -> None:
        """Render what is known."""
        began = time.monotonic()
        self._rendered.set_to_current_time()
        plain = self._environments.render().encode() + generate_latest(self.registry)
        packed = gzip.compress(plain, compresslevel=5, mtime=0)
        self._render_seconds.set(time.monotonic() - began)
        with self._lock:
            self._plain, self._packed = plain, packed

    def page(self, packed: bool) -> bytes:
        """The page, packed with gzip or not."""
        self.scrapes += 1
        with self._lock:
            return self._packed if packed else self._plain


class _Count(Collector):
    def __init__(self, name: str, words: str, read: Callable[[], int]) -> None:
        self._name, self._words, self._read = name, words, read

    def describe(self) -> Iterable[Metric]:
        return [CounterMetricFamily(self._name, self._words)]

    def collect(self) -> Iterable[Metric]:
        return [CounterMetricFamily(self._name, self._words, value=self._read())]


class _Counts(Collector):
    def __init__(self, name: str, words: str, label: str, read: Callable[[], Mapping[str, int]]) -> None:
        self._name, self._words, self._label, self._read = name, words, label, read

    def describe(self) -> Iterable[Metric]:
        return [CounterMetricFamily(self._name, self._words, labels=[self._label])]

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self._name, self._words, labels=[self._label])
        for value, number in sorted(dict(self._read()).items()):
            family.add_metric([value], number)
        return [family]
