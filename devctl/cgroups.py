"""Control groups: limits on memory, processes and processor time of a whole environment.

Groups are made under `devctl/` at the top of each writable hierarchy, version 1 or 2; where none is writable
the caller falls back to limits per process and says so.
"""

import contextlib
import errno
import logging
import os
import signal
import time
from pathlib import Path
from typing import Literal

from devctl.records import Limits, Record

log = logging.getLogger(__name__)

ROOT = Path("/sys/fs/cgroup")
NEEDED = ("memory", "pids", "cpu")
COUNTING = ("cpuacct",)
"""Hierarchies of version 1 that limit nothing and count what was used; version 2 counts in `cpu`."""
PERIOD_US = 100_000
_REMOVE_SECONDS = 5.0


class Hierarchy(Record):
    """One mounted hierarchy in which groups can be made."""

    version: Literal[1, 2]
    mount: Path
    controllers: tuple[str, ...]


class Group:
    """The control groups of one environment, one in each hierarchy."""

    def __init__(
        self, name: str, folders: tuple[Path, ...], controllers: frozenset[str], version: Literal[1, 2] = 2
    ) -> None:
        self.name = name
        self.version = version
        self.folders = folders
        self.controllers = controllers

    @property
    def entrances(self) -> tuple[Path, ...]:
        """Files into which a process writes its number to join."""
        return tuple(folder / "cgroup.procs" for folder in self.folders)

    def remove(self) -> None:
        """Kill what is left in the groups and remove them."""
        deadline = time.monotonic() + _REMOVE_SECONDS
        for folder in self.folders:
            while folder.is_dir() and time.monotonic() < deadline:
                _kill_members(folder)
                try:
                    folder.rmdir()
                except OSError as error:
                    if error.errno not in (errno.EBUSY, errno.ENOTEMPTY):
                        log.warning("the control group %s could not be removed: %s", folder, error)
                        break
                    time.sleep(0.002)


def hierarchies(root: Path = ROOT, counting: bool = True) -> list[Hierarchy]:
    """The hierarchies in which this process may make groups; joining one that only counts takes time, too."""
    found = []
    if (root / "cgroup.controllers").is_file():
        found = [_version_2(root)]
    else:
        found = [
            Hierarchy(version=1, mount=root / name, controllers=(name,))
            for name in (*NEEDED, *(COUNTING if counting else ()))
            if (root / name / "cgroup.procs").is_file()
        ]
    return [hierarchy for hierarchy in found if hierarchy.controllers and _writable(hierarchy)]


def make_group(name: str, limits: Limits, available: list[Hierarchy]) -> Group | None:
    """Make the groups of one environment with its limits; None where there is no hierarchy."""
    folders = []
    controllers: set[str] = set()
    for hierarchy in available:
        folder = hierarchy.mount / "devctl" / name
        folder.mkdir(parents=True, exist_ok=True)
        folders.append(folder)
        for controller in hierarchy.controllers:
            _limit(folder, hierarchy.version, controller, limits)
            controllers.add(controller)
    return Group(name, tuple(folders), frozenset(controllers), available[0].version) if folders else None


def find_group(name: str, available: list[Hierarchy]) -> Group | None:
    """The groups of an environment that another process made."""
    folders = tuple(folder for hierarchy in available if (folder := hierarchy.mount / "devctl" / name).is_dir())
    return Group(name, folders, frozenset()) if folders else None


def _version_2(root: Path) -> Hierarchy:
    """The single hierarchy of version 2, with the controllers that its children can be given."""
    with contextlib.suppress(OSError):
        (root / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in NEEDED))
        (root / "devctl").mkdir(exist_ok=True)
        (root / "devctl" / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in NEEDED))
        enabled = (root / "devctl" / "cgroup.subtree_control").read_text().split()
        return Hierarchy(version=2, mount=root, controllers=tuple(n for n in NEEDED if n in enabled))
    return Hierarchy(version=2, mount=root, controllers=())


def _writable(hierarchy: Hierarchy) -> bool:
    try:
        (hierarchy.mount / "devctl").mkdir(exist_ok=True)
        probe = hierarchy.mount / "devctl" / f"probe-{time.monotonic_ns()}"
        probe.mkdir()
        probe.rmdir()
    except OSError:
        return False
    return True


def _limit(folder: Path, version: int, controller: str, limits: Limits) -> None:
    memory = str(limits.memory_mb * 1024 * 1024)
    quota = max(1_000, int(limits.cpus * PERIOD_US))
    if controller == "pids":
        (folder / "pids.max").write_text(str(limits.pids))
    elif controller == "memory" and version == 2:
        (folder / "memory.max").write_text(memory)
        _write_if_there(folder / "memory.swap.max", "0")
        _write_if_there(folder / "memory.oom.group", "0")
    elif controller == "memory":
        (folder / "memory.limit_in_bytes").write_text(memory)
        _write_if_there(folder / "memory.memsw.limit_in_bytes", memory)
    elif controller == "cpu" and version == 2:
        (folder / "cpu.max").write_text(f"{quota} {PERIOD_US}")
    elif controller == "cpu":
        _write_if_there(folder / "cpu.cfs_period_us", str(PERIOD_US))
        _write_if_there(folder / "cpu.cfs_quota_us", str(quota))


def _write_if_there(path: Path, value: str) -> None:
    """Write a limit that not every kernel has: swap accounting and processor quotas can be left out of it."""
    if path.is_file():
        with contextlib.suppress(OSError):
            path.write_text(value)


def _kill_members(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
