"""Cumulative counters of an environment, and what two of them say about the time between."""

from datetime import datetime

from devctl.records import Record


class Counters(Record):
    """What the kernel counted for one environment since its start, and how much it holds at this moment."""

    at: datetime
    started: datetime
    """When the counters began; a later one than before says that they began anew."""
    cpu_seconds: float
    memory_bytes: int | None = None
    """What is in use without the page cache that could be dropped."""
    memory_limit_bytes: int | None = None
    pids: int | None = None
    throttled_seconds: float | None = None
    """How long it was held back by its own processor limit."""
    out_of_memory: int | None = None
    """How often a process was killed for want of memory."""
    network_received_bytes: int | None = None
    network_sent_bytes: int | None = None
    block_read_bytes: int | None = None
    block_written_bytes: int | None = None
    volume_read_bytes: int | None = None
    """Of the devices that hold its volumes, which the kernel counts by device and not by folder."""
    volume_written_bytes: int | None = None
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None


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
        seconds=seconds,
        cpu_percent=round(percent, 2),
        cpu_limit_percent=round(percent / cpus, 2),
        memory_bytes=now.memory_bytes,
        memory_limit_bytes=now.memory_limit_bytes,
        gpu_percent=now.gpu_percent,
        gpu_memory_bytes=now.gpu_memory_bytes,
    )
