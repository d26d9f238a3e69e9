"""The families of metrics that say how environments are; each name is here and nowhere else."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from devctl.fleet.records import EnvironmentRecord
from devctl.hosts.counters import Counters
from devctl.metrics.sampler import Sampled

LABELS = ("name", "owner", "host")
"""Of every metric of one environment; those of environments that are gone vanish with them."""
PREFIX = "devctl_environment_"
_GPU = f"{PREFIX}gpu_"
"""Families that are not there at all where no environment has a GPU."""


class _Family(NamedTuple):
    name: str
    words: str
    value: Callable[[Counters], float | None]
    counts: bool = True
    """Whether it only grows: a counter, whose samples are named `…_total`."""


_OF_COUNTERS = (
    _Family("cpu_seconds", "Processor time used", lambda c: c.cpu_seconds),
    _Family("cpu_throttled_seconds", "Time held back by the processor limit", lambda c: c.throttled_seconds),
    _Family("memory_bytes", "Memory in use, without droppable cache", lambda c: c.memory_bytes, counts=False),
    _Family("memory_limit_bytes", "Memory that may be used", lambda c: c.memory_limit_bytes, counts=False),
    _Family("out_of_memory_kills", "Processes killed for want of memory", lambda c: c.out_of_memory),
    _Family("processes", "Processes and threads", lambda c: c.pids, counts=False),
    _Family("network_received_bytes", "Bytes received", lambda c: c.network_received_bytes),
    _Family("network_sent_bytes", "Bytes sent", lambda c: c.network_sent_bytes),
    _Family("block_read_bytes", "Bytes read from block devices", lambda c: c.block_read_bytes),
    _Family("block_written_bytes", "Bytes written to block devices", lambda c: c.block_written_bytes),
    _Family("volume_read_bytes", "Bytes read from devices that hold volumes", lambda c: c.volume_read_bytes),
    _Family("volume_written_bytes", "Bytes written to devices that hold volumes", lambda c: c.volume_written_bytes),
    _Family("gpu_ratio", "GPU use, 1 is one GPU", lambda c: _ratio(c.gpu_percent), counts=False),
    _Family("gpu_memory_bytes", "GPU memory in use", lambda c: c.gpu_memory_bytes, counts=False),
)
_OF_RECORDS: tuple[tuple[str, str, Callable[[EnvironmentRecord], float]], ...] = (
    ("cpu_limit_cores", "Cores that may be used", lambda record: record.spec.limits.cpus),
    ("gpu", "Whether it has a GPU", lambda record: float(record.gpu)),
    ("running", "Whether it runs", lambda record: float(record.phase == "running")),
    ("kept", "Whether the idle reaper leaves it alone for a time", lambda record: float(record.keep_until is not None)),
)


class EnvironmentCollector(Collector):
    """All environments of the last round."""

    def __init__(self, latest: Callable[[], Iterable[Sampled]]) -> None:
        self._latest = latest

    def describe(self) -> Iterator[Metric]:
        """The families without samples, so that registering measures nothing."""
        yield from (made for made, _ in (*_measured_families(), *_record_families()))
        yield _phases()

    def collect(self) -> Iterator[Metric]:
        """The families with their samples."""
        found = list(self._latest())
        for family, read in _measured_families():
            for one in found:
                value = None if one.counters is None else read(one.counters)
                if value is not None:
                    family.add_metric(_labels(one.record), value)
            if family.samples or not family.name.startswith(_GPU):
                yield family
        for gauge, of_record in _record_families():
            for one in found:
                gauge.add_metric(_labels(one.record), of_record(one.record))
            yield gauge
        yield _counted(found)


def _measured_families() -> list[tuple[CounterMetricFamily | GaugeMetricFamily, Callable[[Counters], float | None]]]:
    return [
        ((CounterMetricFamily if one.counts else GaugeMetricFamily)(PREFIX + one.name, one.words, labels=LABELS), one.value)
        for one in _OF_COUNTERS
    ]  # fmt: skip


def _record_families() -> list[tuple[GaugeMetricFamily, Callable[[EnvironmentRecord], float]]]:
    return [(GaugeMetricFamily(PREFIX + name, words, labels=LABELS), read) for name, words, read in _OF_RECORDS]


def _phases() -> GaugeMetricFamily:
    return GaugeMetricFamily("devctl_environments", "Environments by phase", labels=("phase", "host"))


def _counted(found: Iterable[Sampled]) -> GaugeMetricFamily:
    counts: dict[tuple[str, str], int] = {}
    for one in found:
        key: tuple[str, str] = (one.record.phase, one.record.host)
        counts[key] = counts.get(key, 0) + 1
    family = _phases()
    for key, number in sorted(counts.items()):
        family.add_metric(list(key), number)
    return family


def _labels(record: EnvironmentRecord) -> list[str]:
    return [record.name, record.owner, record.host]


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
