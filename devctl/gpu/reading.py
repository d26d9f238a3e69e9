"""What the GPUs of this machine do at a moment, as the vendor's own tool says.

A machine without the tool, or whose driver does not answer, has no reading: nothing is made up as zero.
"""

import csv
import logging
import shutil
import subprocess
from datetime import UTC, datetime

from devctl.errors import GpuUnread
from devctl.gpu.detection import SECONDS, GpuPlaces
from devctl.records import Record

log = logging.getLogger(__name__)

_MIB = 1024 * 1024
_GPUS = "index,uuid,name,driver_version,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw"
_PROCESSES = "pid,used_gpu_memory"
_CSV = "--format=csv,noheader,nounits"


class GpuUse(Record):
    """One GPU at a moment; None is what its driver does not say."""

    number: int
    uuid: str
    model: str
    driver: str
    percent: float | None = None
    """Share of the last second or so in which something ran on it."""
    memory_used_bytes: int | None = None
    memory_bytes: int | None = None
    celsius: float | None = None
    watts: float | None = None


class GpuProcess(Record):
    """What one process of this machine has of the GPUs."""

    memory_bytes: int | None = None
    percent: float | None = None
    """100 is one whole GPU."""


class GpuReading(Record):
    """All GPUs, and the processes on them by their number."""

    at: datetime
    gpus: tuple[GpuUse, ...]
    processes: dict[int, GpuProcess] = {}
    shares_known: bool = False
    """Whether the driver says what each process uses."""


def read(places: GpuPlaces = GpuPlaces()) -> GpuReading | None:  # noqa: B008 - an immutable default
    """Ask the tool; None where there is none. Takes a second or two; raises GpuUnread."""
    program = shutil.which("nvidia-smi", path=places.search_path)
    if program is None:
        return None
    gpus = gpus_of(_asked(program, f"--query-gpu={_GPUS}", _CSV))
    memory = memory_of(_asked(program, f"--query-compute-apps={_PROCESSES}", _CSV))
    try:
        shares: dict[int, float] | None = shares_of(_asked(program, "pmon", "--count", "1", "--select", "u"))
    except GpuUnread as error:
        log.info("what processes use of GPUs is not known: %s", error.message)  # as of GPUs that are divided (MIG)
        shares = None
    processes = {
        pid: GpuProcess(memory_bytes=memory.get(pid), percent=(shares or {}).get(pid))
        for pid in memory.keys() | (shares or {}).keys()
    }
    return GpuReading(at=datetime.now(UTC), gpus=gpus, processes=processes, shares_known=shares is not None)


def gpus_of(text: str) -> tuple[GpuUse, ...]:
    """Read the lines of `--query-gpu`, whose fields can be `[N/A]` or `[Not Supported]`."""
    found = []
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        fields = [field.strip() for field in row]
        if len(fields) == len(_GPUS.split(",")) and fields[0].isdigit():
            percent, used, size, celsius, watts = (_number(field) for field in fields[4:])
            found.append(GpuUse(
                number=int(fields[0]), uuid=fields[1], model=fields[2], driver=fields[3], percent=percent,
                memory_used_bytes=_bytes(used), memory_bytes=_bytes(size), celsius=celsius, watts=watts,
            ))  # fmt: skip
    return tuple(found)


def memory_of(text: str) -> dict[int, int]:
    """Read the lines of `--query-compute-apps`: bytes by process, on all GPUs together."""
    found: dict[int, int] = {}
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        size = _bytes(_number(row[1].strip())) if len(row) == 2 else None
        if size is not None and row[0].strip().isdigit():
            found[int(row[0])] = found.get(int(row[0]), 0) + size
    return found


def shares_of(text: str) -> dict[int, float]:
    """Read the table of `pmon`: percent by process, on all GPUs together; its columns differ from version to version."""
    found: dict[int, float] = {}
    columns: list[str] = []
    for line in text.splitlines():
        if line.startswith("#"):
            columns = columns or line.lstrip("#").split()
            continue
        named = dict(zip(columns, line.split(), strict=False))
        pid, share = named.get("pid", ""), _number(named.get("sm", ""))
        if pid.isdigit():
            found[int(pid)] = found.get(int(pid), 0.0) + (share or 0.0)  # "-" is a process that did nothing
    return found


def _asked(program: str, *arguments: str) -> str:
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as fault:
        raise GpuUnread(
            f"nvidia-smi does not answer within {SECONDS:g} s", "the driver hangs: see the kernel's log"
        ) from fault
    except OSError as fault:
        raise GpuUnread(f"nvidia-smi does not run: {fault.strerror}", "install the driver's tools again") from fault
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        words = said[0][:200] if said else f"it ended with {done.returncode}"
        raise GpuUnread(f"nvidia-smi {arguments[0]} says: {words}", "check the driver with `nvidia-smi`")
    return done.stdout


def _number(text: str) -> float | None:
    """None for what is no plain number that counts something."""
    try:
        value = float(text) if text.isascii() else -1.0
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _bytes(mebibytes: float | None) -> int | None:
    return None if mebibytes is None else int(mebibytes * _MIB)
