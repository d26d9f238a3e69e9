"""The families of metrics that say how environments are; each name is here and nowhere else."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from prometheus_client.utils import floatToGoString

from devctl.fleet.records import EnvironmentRecord
from devctl.hosts.counters import Counters
from devctl.metrics.sampler import Sampled

LABELS = ("name", "owner", "host")
"""Of every metric of one environment; those of environments that are gone vanish with them."""
PREFIX = "devctl_environment_"
_number: Callable[[float], str] = floatToGoString
"""Writes a value as the library does."""
_GPU = "gpu_"
"""Families that are not there at all where no environment has a GPU."""


class _Family(NamedTuple):
    name: str
    words: str
    value: Callable[[Counters], float | None]
    counts: bool = True
    """Whether it only grows: a counter, whose samples are named `…_total`."""

    @property
    def series(self) -> str:
        """What its samples are called."""
        return f"{PREFIX}{self.name}_total" if self.counts else PREFIX + self.name


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

SERIES = (*(family.series for family in _OF_COUNTERS), *(PREFIX + name for name, _, _ in _OF_RECORDS))
"""What the samples of one environment are called."""


class EnvironmentText:
    """Writes all environments of the last round in the text format of Prometheus.

    An environment's labels stand on the page in every family: they are put into text once, and joined to values.
    """

    def __init__(self, latest: Callable[[], Iterable[Sampled]]) -> None:
        self._latest = latest
        self._labels: dict[tuple[str, str, str], str] = {}

    def render(self) -> str:
        """The families with their samples."""
        found = list(self._latest())
        keys = [(one.record.name, one.record.owner, one.record.host) for one in found]
        self._labels = texts = {key: self._labels.get(key) or _labels(LABELS, key) for key in keys}
        labeled = [(texts[key], one) for key, one in zip(keys, found, strict=True)]
        measured = [(labels, one.counters) for labels, one in labeled if one.counters is not None]
        lines: list[str] = []
        for family in _OF_COUNTERS:
            values = [(labels, value) for labels, one in measured if (value := family.value(one)) is not None]
            if values or not family.name.startswith(_GPU):
                lines += _lines(family.series, family.words, values, family.counts)
        for name, words, read in _OF_RECORDS:
            lines += _lines(PREFIX + name, words, [(labels, read(one.record)) for labels, one in labeled])
        return "".join([*lines, *_by_phase(found)])


def _by_phase(found: Iterable[Sampled]) -> list[str]:
    counts = Counter((one.record.phase, one.record.host) for one in found)
    values = [(_labels(("phase", "host"), key), number) for key, number in sorted(counts.items())]
    return _lines("devctl_environments", "Environments by phase", values)


def _lines(series: str, words: str, values: Iterable[tuple[str, float]], counts: bool = False) -> list[str]:
    """A family: what it is, and a line for each of its samples."""
    head = f"# HELP {series} {words}\n# TYPE {series} {'counter' if counts else 'gauge'}\n"
    return [head, *(f"{series}{labels} {_number(value)}\n" for labels, value in values)]


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    escaped = (one.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"") for one in values)
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(zip(names, escaped, strict=True))) + "}"


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
