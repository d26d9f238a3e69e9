"""What an environment does at this moment, read without running anything in it."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker

from devctl.fleet.records import EnvironmentRecord
from devctl.hosts.bubblewrap_host import BubblewrapHost
from devctl.hosts.docker_client import translated
from devctl.hosts.docker_host import DockerHost
from devctl.hosts.engine import HostEngine
from devctl.records import Record

log = logging.getLogger(__name__)

OWN_PROGRAMS = "/opt/devctl/inside/"
"""Commands that name it are devctl's own, such as those that carry a tunnel."""
CGROUPS = Path("/sys/fs/cgroup")


class Vitals(Record):
    """The processor time of an environment since its start, and the commands that run in it."""

    started: datetime
    cpu_seconds: float | None
    """None where it cannot be read."""
    sessions: tuple[str, ...] = ()
    """Commands that somebody runs in it: those of an editor too, which attaches past devctl."""


def read_vitals(engine: HostEngine, record: EnvironmentRecord) -> Vitals | None:
    """Look at an environment on its host; None when it does not run there. Raises HostUnreachable."""
    if isinstance(engine, DockerHost):
        return _docker_vitals(engine, record)
    if isinstance(engine, BubblewrapHost):
        found = engine.inspect(record)
        if found is None or found.state not in ("running", "paused"):
            return None
        # Every process there belongs to a command that somebody runs: without one, nothing can be used.
        return Vitals(started=record.started or record.created, cpu_seconds=0.0, sessions=engine.commands(record))
    return None


def _docker_vitals(engine: DockerHost, record: EnvironmentRecord) -> Vitals | None:
    api = engine.client.api
    with translated(engine.host, record.name):
        found = api.inspect_container(record.container_reference)
        if found["State"]["Status"] not in ("running", "paused"):
            return None
        sessions = [_session(api, identity) for identity in found.get("ExecIDs") or ()]
        pid = int(found["State"]["Pid"] or 0)
        used = _from_cgroup(pid, found["Id"]) if engine.local else None
        if used is None:
            used = _from_engine(api, found["Id"])
    return Vitals(
        started=_moment(found["State"]["StartedAt"]),
        cpu_seconds=used,
        sessions=tuple(sorted(words for words in sessions if words)),
    )


def _session(api: docker.APIClient, identity: str) -> str:
    """The command of an exec that runs and is not one of devctl's own; empty otherwise."""
    try:
        asked: dict[str, Any] = api.exec_inspect(identity)
    except docker.errors.NotFound:
        return ""
    process = asked.get("ProcessConfig") or {}
    words = " ".join([str(process.get("entrypoint", "")), *map(str, process.get("arguments") or ())])
    return words[:200] if asked.get("Running") and OWN_PROGRAMS not in words else ""


def _from_engine(api: docker.APIClient, container: str) -> float | None:
    """Ask the engine, which takes a second of its own on old versions."""
    stats: dict[str, Any] = api.stats(container, stream=False, one_shot=True)
    total = ((stats.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage")
    return None if total is None else int(total) / 1e9


def _from_cgroup(pid: int, container: str) -> float | None:
    """Read the kernel's counter; None where that process is another machine's, or not in that container."""
    for controllers, folder in _cgroups(pid, container):
        used = _usage_usec(folder / "cpu.stat") if controllers == "" else _usage_nanoseconds(folder / "cpuacct.usage")
        if used is not None:
            return used
    return None


def cgroup_processes(pid: int, container: str) -> int | None:
    """How many processes a container of this machine has; None where that cannot be read."""
    for _, folder in _cgroups(pid, container):
        try:
            return len((folder / "cgroup.procs").read_text().split())
        except OSError:
            continue
    return None


def _cgroups(pid: int, container: str) -> Iterator[tuple[str, Path]]:
    """The control groups of a process by their controllers, if it is in that container."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if container not in path:
            continue
        if controllers == "":
            yield "", CGROUPS / path.strip("/")
        elif "cpuacct" in controllers.split(","):
            yield from ((controllers, top / path.strip("/")) for top in (CGROUPS / "cpuacct", CGROUPS / controllers))


def _usage_usec(file: Path) -> float | None:
    try:
        fields = dict(line.split(" ", 1) for line in file.read_text().splitlines())
        return int(fields["usage_usec"]) / 1e6
    except (OSError, KeyError, ValueError):
        return None


def _usage_nanoseconds(file: Path) -> float | None:
    try:
        return int(file.read_text()) / 1e9
    except (OSError, ValueError):
        return None


def _moment(text: str) -> datetime:
    """The engine's time, whose fraction has nine digits."""
    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
