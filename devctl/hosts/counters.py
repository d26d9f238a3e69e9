"""The kernel's counters of one environment, read from control group files of version 1 and 2."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from devctl.records import Record

CGROUPS, PROC = Path("/sys/fs/cgroup"), Path("/proc")
_UNLIMITED = 2**60
"""Version 1 says "no limit" as the largest number of pages; nothing real is as large."""
_READ_BYTES = 65_536


class Counters(Record):
    """What the kernel counted for one environment since its start, and what it holds at this moment."""

    at: datetime
    started: datetime
    """When the counters began; a later one than before says that they began anew."""
    cpu_seconds: float
    memory_bytes: int | None = None
    """In use, without the page cache that could be dropped at once."""
    memory_limit_bytes: int | None = None
    """None where there is no limit."""
    pids: int | None = None
    throttled_seconds: float | None = None
    """How long it was held back by its processor limit."""
    out_of_memory: int | None = None
    """How often a process was killed for want of memory."""
    network_received_bytes: int | None = None
    network_sent_bytes: int | None = None
    block_read_bytes: int | None = None
    block_written_bytes: int | None = None
    volume_read_bytes: int | None = None
    """Of the devices that hold its volumes: the kernel counts by device and not by folder, so a volume on the disk
    of the container's own layer shows that disk's traffic of this container."""
    volume_written_bytes: int | None = None
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None


class Groups(Record):
    """Where the files of one environment are."""

    version: int
    folders: dict[str, Path]
    """By controller; version 2 has one folder, under `unified`."""


def groups_of(pid: int, cgroups: Path = CGROUPS, proc: Path = PROC) -> Groups | None:
    """The control groups of a process of this machine; None where it has none of its own that can be seen."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return None
    unified = (cgroups / "cgroup.controllers").is_file()
    folders: dict[str, Path] = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        below = path.strip("/")
        if not below or ".." in Path(below).parts:  # the root's counters are the whole machine's
            continue
        if unified and controllers == "":
            return Groups(version=2, folders={"unified": cgroups / below})
        for controller in controllers.split(","):
            for mount in (cgroups / controller, cgroups / controllers):
                if controller and (mount / below).is_dir():
                    folders.setdefault(controller, mount / below)
    return Groups(version=1, folders=folders) if folders else None


def read_groups(groups: Groups, started: datetime, devices: Sequence[str] = ()) -> Counters | None:
    """Read them all; None where the environment's processor time is not counted, or it has gone."""
    read = _version_2 if groups.version == 2 else _version_1
    found = read(groups.folders, frozenset(devices))
    cpu = found.pop("cpu_seconds", None)
    if cpu is None:
        return None
    return Counters.model_validate({"at": datetime.now(UTC), "started": started, "cpu_seconds": cpu, **found})


def read_network(pid: int, proc: Path = PROC) -> tuple[int, int] | None:
    """Bytes received and sent by all interfaces but loopback in the network namespace of a process."""
    text = _text(f"{proc}/{pid}/net/dev")
    if text is None:
        return None
    received = sent = 0
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(b":")
        fields = rest.split()
        if name.strip() != b"lo" and len(fields) > 8:
            received, sent = received + int(fields[0]), sent + int(fields[8])
    return received, sent


def devices_of(pid: int, targets: Sequence[str], proc: Path = PROC) -> tuple[str, ...]:
    """The devices, as `major:minor`, on which these mounts of a process lie."""
    try:
        lines = (proc / str(pid) / "mountinfo").read_text().splitlines()
    except OSError:
        return ()
    wanted = {target.rstrip("/") or "/" for target in targets}
    fields = [line.split(" ") for line in lines]
    return tuple(sorted({one[2] for one in fields if len(one) > 4 and one[4] in wanted}))


def _version_2(folders: Mapping[str, Path], devices: frozenset[str]) -> dict[str, object]:
    folder = folders["unified"]
    cpu = _text(f"{folder}/cpu.stat")
    current = _number(f"{folder}/memory.current")
    droppable = _field(_text(f"{folder}/memory.stat"), b"inactive_file") or 0
    found: dict[str, object] = {
        "memory_bytes": None if current is None else max(0, current - droppable),
        "memory_limit_bytes": _number(f"{folder}/memory.max"),
        "pids": _number(f"{folder}/pids.current"),
        "out_of_memory": _field(_text(f"{folder}/memory.events"), b"oom_kill"),
    }
    if (used := _field(cpu, b"usage_usec")) is not None:
        found["cpu_seconds"] = used / 1e6
    if (throttled := _field(cpu, b"throttled_usec")) is not None:
        found["throttled_seconds"] = throttled / 1e6
    return found | _traffic(_io_stat(_text(f"{folder}/io.stat")), devices)


def _version_1(folders: Mapping[str, Path], devices: frozenset[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    if (used := _number(_at(folders, "cpuacct", "cpuacct.usage"))) is not None:
        found["cpu_seconds"] = used / 1e9
    if (throttled := _field(_text(_at(folders, "cpu", "cpu.stat")), b"throttled_time")) is not None:
        found["throttled_seconds"] = throttled / 1e9
    current = _number(_at(folders, "memory", "memory.usage_in_bytes"))
    if current is not None:
        stat = _text(_at(folders, "memory", "memory.stat"))
        below = _field(stat, b"total_inactive_file")
        droppable = below if below is not None else _field(stat, b"inactive_file") or 0
        found["memory_bytes"] = max(0, current - droppable)
        limit = _number(_at(folders, "memory", "memory.limit_in_bytes"))
        found["memory_limit_bytes"] = limit if limit is not None and limit < _UNLIMITED else None
        found["out_of_memory"] = _field(_text(_at(folders, "memory", "memory.oom_control")), b"oom_kill")
    found["pids"] = _number(_at(folders, "pids", "pids.current"))
    traffic = _text(_at(folders, "blkio", "blkio.throttle.io_service_bytes_recursive"))
    if traffic is None:
        traffic = _text(_at(folders, "blkio", "blkio.throttle.io_service_bytes"))
    return found | _traffic(_service_bytes(traffic), devices)


def _traffic(by_device: Mapping[str, tuple[int, int]] | None, devices: frozenset[str]) -> dict[str, object]:
    """Bytes read and written, of all devices and of those that hold volumes."""
    if by_device is None:
        return {}
    volumes = [traffic for device, traffic in by_device.items() if device in devices]
    return {
        "block_read_bytes": sum(read for read, _ in by_device.values()),
        "block_written_bytes": sum(written for _, written in by_device.values()),
        "volume_read_bytes": sum(read for read, _ in volumes),
        "volume_written_bytes": sum(written for _, written in volumes),
    }


def _io_stat(text: bytes | None) -> dict[str, tuple[int, int]] | None:
    """`8:0 rbytes=1 wbytes=2 …` by device."""
    if text is None:
        return None
    found = {}
    for line in text.decode().splitlines():
        device, *pairs = line.split()
        numbers = dict(_pairs(pairs))
        found[device] = (numbers.get("rbytes", 0), numbers.get("wbytes", 0))
    return found


def _service_bytes(text: bytes | None) -> dict[str, tuple[int, int]] | None:
    """`8:0 Read 1`, `8:0 Write 2` by device; the last line is their total."""
    if text is None:
        return None
    found: dict[str, tuple[int, int]] = {}
    for line in text.decode().splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in ("Read", "Write") and words[2].isdigit():
            read, written = found.get(words[0], (0, 0))
            amount = int(words[2])
            found[words[0]] = (read + amount, written) if words[1] == "Read" else (read, written + amount)
    return found


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, int]]:
    for word in words:
        name, _, number = word.partition("=")
        if number.isdigit():
            yield name, int(number)


def _at(folders: Mapping[str, Path], controller: str, name: str) -> str:
    return f"{folders[controller]}/{name}" if controller in folders else "/nonexistent"


def _text(file: str) -> bytes | None:
    """All of a file of the kernel, with as few calls as can be: several are read for each environment and sample."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        text = b""
        while part := os.read(descriptor, _READ_BYTES):
            text += part
        return text
    except OSError:  # the group or the process ended meanwhile
        return None
    finally:
        os.close(descriptor)


def _field(text: bytes | None, name: bytes) -> int | None:
    """The number on the line that begins with a name; no more of the text is taken apart."""
    _, _, rest = (b"\n" + (text or b"")).partition(b"\n" + name + b" ")
    number = rest.partition(b"\n")[0].strip()
    return int(number) if number.isdigit() else None


def _number(file: str) -> int | None:
    number = (_text(file) or b"").partition(b"\n")[0].strip()
    return int(number) if number.isdigit() else None
