"""Reads the counters of environments: of this machine from the kernel's files, of others from their engine."""

import logging
from datetime import UTC, datetime
from typing import Any

from devctl import cgroups
from devctl.fleet.records import EnvironmentRecord
from devctl.hosts.counters import (
    Counters,
    Groups,
    devices_of,
    groups_of,
    read_groups,
    read_network,
)
from devctl.hosts.engine import HostEngine
from devctl.records import Record

log = logging.getLogger(__name__)


class _Place(Record):
    """Where the counters of one start of an environment are; found once, read many times."""

    key: tuple[str | None, datetime | None]
    groups: Groups
    started: datetime
    pid: int | None = None
    devices: tuple[str, ...] = ()


class Counting:
    """Reads counters and remembers where they are; for one thread."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}

    def read(self, engine: HostEngine, record: EnvironmentRecord) -> Counters | None:
        """The counters of a running environment; None where it does not run or nothing counts it.

        Raises HostUnreachable. An engine of another machine may take a second of its own.
        """
        place = self._place(engine, record) if engine.local else None
        if place is None:
            return _from_engine(engine, record)
        found = read_groups(place.groups, place.started, place.devices)
        if found is None:
            self._places.pop(record.id, None)
            return None
        network = read_network(place.pid) if place.pid is not None else None
        if network is None:
            return found
        return found.model_copy(update={"network_received_bytes": network[0], "network_sent_bytes": network[1]})

    def forget(self, living: set[str]) -> None:
        """Forget where the counters of those were that do not live any more."""
        self._places = {identity: place for identity, place in self._places.items() if identity in living}

    def _place(self, engine: HostEngine, record: EnvironmentRecord) -> _Place | None:
        key = (record.container, record.started)
        known = self._places.get(record.id)
        if known is None or known.key != key:
            known = _bubblewrap_place(record, key) if engine.backend == "bubblewrap" else _local(engine, record, key)
            if known is not None:
                self._places[record.id] = known
        return known


def _bubblewrap_place(record: EnvironmentRecord, key: tuple[str | None, datetime | None]) -> _Place | None:
    version, folders = 1, {}
    for hierarchy in cgroups.hierarchies():
        folder = hierarchy.mount / "devctl" / record.id
        if folder.is_dir():
            version = hierarchy.version
            names = ("unified",) if version == 2 else hierarchy.controllers
            folders.update({name: folder for name in names})
    groups = Groups(version=version, folders=folders)
    return _Place(key=key, groups=groups, started=record.started or record.created) if folders else None


def _local(engine: HostEngine, record: EnvironmentRecord, key: tuple[str | None, datetime | None]) -> _Place | None:
    state = _inspected(engine, record)
    pid = int(state.get("Pid") or 0)
    groups = groups_of(pid) if pid else None
    identity = record.container or ""
    if groups is None or not any(identity and identity in str(folder) for folder in groups.folders.values()):
        return None  # the engine's processes are not of this machine, or not to be seen from here
    devices = devices_of(pid, [mount.target for mount in record.spec.mounts if mount.kind != "tmpfs"])
    return _Place(key=key, groups=groups, started=moment(str(state["StartedAt"])), pid=pid, devices=devices)


def _inspected(engine: HostEngine, record: EnvironmentRecord) -> dict[str, Any]:
    from devctl.hosts.docker_client import translated
    from devctl.hosts.docker_host import DockerHost

    if not isinstance(engine, DockerHost):
        return {}
    with translated(engine.host, record.name):
        state: dict[str, Any] = engine.client.api.inspect_container(record.container_reference)["State"]
    return state if state.get("Running") else {}


def _from_engine(engine: HostEngine, record: EnvironmentRecord) -> Counters | None:
    from devctl.hosts.docker_client import translated
    from devctl.hosts.docker_host import DockerHost

    if not isinstance(engine, DockerHost):
        return None
    state = _inspected(engine, record)
    if not state:
        return None
    with translated(engine.host, record.name):
        name = record.container_reference
        stats: dict[str, Any] = engine.client.api.stats(name, stream=False, one_shot=True)
    return from_stats(stats, moment(str(state["StartedAt"])))


def from_stats(stats: dict[str, Any], started: datetime) -> Counters | None:
    """Put what an engine says of a container into counters; None for one that does not run."""
    cpu = stats.get("cpu_stats") or {}
    used = (cpu.get("cpu_usage") or {}).get("total_usage")
    if not used or not cpu.get("system_cpu_usage"):
        return None  # of a stopped container the engine says zeros
    memory = stats.get("memory_stats") or {}
    details = memory.get("stats") or {}
    usage = memory.get("usage")
    droppable = details.get("total_inactive_file", details.get("inactive_file", 0))
    networks = (stats.get("networks") or {}).values()
    traffic = (stats.get("blkio_stats") or {}).get("io_service_bytes_recursive")
    throttling = cpu.get("throttling_data") or {}
    return Counters(
        at=datetime.now(UTC),
        started=started,
        cpu_seconds=used / 1e9,
        throttled_seconds=throttling["throttled_time"] / 1e9 if "throttled_time" in throttling else None,
        memory_bytes=None if usage is None else max(0, usage - droppable),
        memory_limit_bytes=memory.get("limit"),
        pids=(stats.get("pids_stats") or {}).get("current"),
        network_received_bytes=sum(one.get("rx_bytes", 0) for one in networks),
        network_sent_bytes=sum(one.get("tx_bytes", 0) for one in networks),
        block_read_bytes=_sum(traffic, "read"),
        block_written_bytes=_sum(traffic, "write"),
    )


def moment(text: str) -> datetime:
    """The engine's time, to the second: its fraction has nine digits."""
    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)


def _sum(entries: list[dict[str, Any]] | None, operation: str) -> int | None:
    if entries is None:
        return None
    return sum(int(one.get("value") or 0) for one in entries if str(one.get("op", "")).lower() == operation)
