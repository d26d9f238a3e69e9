"""What two samples of an environment's counters say about the time between them."""

from datetime import datetime

from devctl.hosts.counters import Counters
from devctl.records import Record


class Usage(Record):
    """What an environment used between two samples."""

    at: datetime
    seconds: float
    """The time between them."""
    cpu_percent: float
    """100 is one core."""
    cpu_limit_percent: float
    """Share of what it may use."""
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None


def usage_between(before: Counters, now: Counters, cpus: float) -> Usage | None:
    """What was used from one sample to the next; None where the counters began anew between them."""
    seconds = (now.at - before.at).total_seconds()
    used = now.cpu_seconds - before.cpu_seconds
    if seconds <= 0 or used < 0 or now.started != before.started:
        return None
    percent = 100 * used / seconds
    return Usage(
        at=now.at,
        seconds=round(seconds, 3),
        cpu_percent=round(percent, 2),
        cpu_limit_percent=round(percent / cpus, 2),
        memory_bytes=now.memory_bytes,
        memory_limit_bytes=now.memory_limit_bytes,
        gpu_percent=now.gpu_percent,
        gpu_memory_bytes=now.gpu_memory_bytes,
    )
