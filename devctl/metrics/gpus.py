"""The GPUs of this machine in numbers: of each one, and of the environments that use them."""

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from devctl.fleet.records import EnvironmentRecord
from devctl.gpu.detection import GpuPlaces
from devctl.gpu.reading import GpuReading, GpuUse, read
from devctl.hosts.counters import PROC, Counters
from devctl.hosts.local import LOCAL

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=1)
"""What is older says nothing of this moment, however often it is looked."""
LABELS = ("host", "gpu")
_FAMILIES: tuple[tuple[str, str, Callable[[GpuUse], float | None]], ...] = (
    ("devctl_gpu_use_ratio", "Share of the time in which something ran on it", lambda gpu: _share(gpu.percent)),
    ("devctl_gpu_memory_used_bytes", "Memory in use", lambda gpu: gpu.memory_used_bytes),
    ("devctl_gpu_memory_bytes", "Memory that it has", lambda gpu: gpu.memory_bytes),
    ("devctl_gpu_temperature_celsius", "Temperature", lambda gpu: gpu.celsius),
    ("devctl_gpu_power_watts", "Power drawn", lambda gpu: gpu.watts),
)


class GpuWatch:
    """Keeps the last reading; safe to read from any thread."""

    def __init__(self, places: GpuPlaces | None = None, proc: Path = PROC, fresh: timedelta = FRESH) -> None:
        self._places = places or GpuPlaces()
        self._proc = proc
        self._fresh = fresh
        self._lock = threading.Lock()
        self._reading: GpuReading | None = None

    def look(self) -> None:
        """Read anew; raises GpuUnread, and what was read before goes out of date."""
        reading = read(self._places)
        with self._lock:
            self._reading = reading

    def latest(self) -> GpuReading | None:
        """The last reading; None where there is no GPU, and where the last one is out of date."""
        with self._lock:
            reading = self._reading
        return reading if reading is not None and datetime.now(UTC) - reading.at < self._fresh else None

    def of(self, record: EnvironmentRecord, counters: Counters) -> Counters:
        """The counters of an environment of this machine with what its processes have of the GPUs."""
        reading = self.latest()
        if reading is None or not record.gpu or not record.container:
            return counters
        own = [one for pid, one in reading.processes.items() if self._is_in(pid, record.container)]
        percent = sum(one.percent or 0.0 for one in own) if reading.shares_known else None
        memory = sum(one.memory_bytes or 0 for one in own)
        return counters.model_copy(update={"gpu_percent": percent, "gpu_memory_bytes": memory})

    def _is_in(self, pid: int, container: str) -> bool:
        """Whether a process is in a container, by its control groups; one that has ended is in none."""
        try:
            return container in (self._proc / str(pid) / "cgroup").read_text()
        except OSError:
            return False


class GpuCollector(Collector):
    """A family for each thing that the driver says; none where there is no GPU."""

    def __init__(self, latest: Callable[[], GpuReading | None]) -> None:
        self._latest = latest

    def describe(self) -> Iterator[Metric]:
        """The families without samples, so that registering asks nobody."""
        yield _info()
        yield from (GaugeMetricFamily(name, words, labels=LABELS) for name, words, _ in _FAMILIES)

    def collect(self) -> Iterator[Metric]:
        """The families that have samples."""
        reading = self._latest()
        if reading is None or not reading.gpus:
            return
        info = _info()
        for gpu in reading.gpus:
            info.add_metric([LOCAL, str(gpu.number), gpu.model, gpu.driver, gpu.uuid], 1)
        yield info
        for name, words, value in _FAMILIES:
            family = GaugeMetricFamily(name, words, labels=LABELS)
            for gpu in reading.gpus:
                if (number := value(gpu)) is not None:
                    family.add_metric([LOCAL, str(gpu.number)], number)
            if family.samples:
                yield family


def _info() -> GaugeMetricFamily:
    return GaugeMetricFamily("devctl_gpu_info", "Which GPU it is", labels=(*LABELS, "model", "driver", "uuid"))


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
