"""What the vendor's tool says of GPUs at work, and the families that show it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from devctl.errors import GpuUnread
from devctl.fleet.database import Database
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec
from devctl.gpu.reading import GpuProcess, gpus_of, memory_of, read, shares_of
from devctl.gpu.scheduled import smoke_due
from devctl.gpu.smoke import SmokeResult, record
from devctl.hosts.counters import Counters
from devctl.hosts.local import LocalHosts
from devctl.metrics.gpus import GpuCollector, GpuWatch
from devctl.metrics.smoke import SmokeCounts
from devctl.settings import DevctlSettings
from tests.devctl.gpu.machines import busy_machine, machine

NOW = datetime(2026, 1, 2, tzinfo=UTC)
COUNTERS = Counters(at=NOW, started=NOW, cpu_seconds=1)


def shown(watch: GpuWatch) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(GpuCollector(watch.latest))
    return registry


def one(container: str, gpu: bool) -> EnvironmentRecord:
    spec = EnvironmentSpec(name="a", image="x")
    return EnvironmentRecord(
        id="e-1", name="a", owner="ada", tier="free", host="local", container=container, phase="running", spec=spec,
        created=NOW, gpu=gpu,
    )  # fmt: skip


def test_each_gpu_and_each_process_is_read(tmp_path: Path) -> None:
    reading = read(busy_machine(tmp_path, 42))
    assert reading is not None and reading.shares_known
    first, second = reading.gpus
    assert (first.percent, first.memory_used_bytes, first.watts) == (37, 2**30, 121.5)
    assert (second.percent, second.memory_used_bytes, second.memory_bytes, second.watts) == (None, 0, None, None)
    assert reading.processes[42] == GpuProcess(memory_bytes=768 * 2**20, percent=42)
    assert reading.processes[7] == GpuProcess(memory_bytes=None, percent=0)


def test_machine_without_gpus_has_no_families_at_all(tmp_path: Path) -> None:
    watch = GpuWatch(machine(tmp_path))
    watch.look()
    assert watch.latest() is None
    assert generate_latest(shown(watch)) == b""
    assert watch.of(one("c1", True), COUNTERS) == COUNTERS


def test_what_a_driver_does_not_say_is_absent_and_no_zero(tmp_path: Path) -> None:
    watch = GpuWatch(busy_machine(tmp_path, 42))
    watch.look()
    value = shown(watch).get_sample_value
    both = [{"host": "local", "gpu": number} for number in ("0", "1")]
    assert [value("devctl_gpu_use_ratio", one) for one in both] == [0.37, None]
    assert [value("devctl_gpu_memory_used_bytes", one) for one in both] == [2**30, 0]
    assert [value("devctl_gpu_power_watts", one) for one in both] == [121.5, None]
    info = {**both[0], "model": "NVIDIA H200", "driver": "570.86.15", "uuid": "GPU-aaaa"}
    assert value("devctl_gpu_info", info) == 1


@pytest.mark.parametrize("pmon", [True, False])
def test_environment_has_what_the_processes_of_its_control_group_have(tmp_path: Path, pmon: bool) -> None:
    (tmp_path / "proc/42").mkdir(parents=True)
    (tmp_path / "proc/42/cgroup").write_text("0::/system.slice/docker-c1c1.scope\n")
    watch = GpuWatch(busy_machine(tmp_path, 42, pmon), tmp_path / "proc")
    watch.look()
    mine, other, without = (
        watch.of(one(*which), COUNTERS) for which in (("c1c1", True), ("c2c2", True), ("c1c1", False))
    )
    assert (mine.gpu_percent, mine.gpu_memory_bytes) == (42 if pmon else None, 768 * 2**20)
    assert (other.gpu_percent, other.gpu_memory_bytes) == (0 if pmon else None, 0)
    assert (without.gpu_percent, without.gpu_memory_bytes) == (None, None)


def test_driver_that_fails_is_an_error_and_its_last_reading_goes_out_of_date(tmp_path: Path) -> None:
    watch = GpuWatch(busy_machine(tmp_path, 42), fresh=timedelta(hours=1))
    watch.look()
    (tmp_path / "use.csv").unlink()
    with pytest.raises(GpuUnread, match="query-gpu"):
        watch.look()
    assert watch.latest() is not None
    old = GpuWatch(busy_machine(tmp_path, 42), fresh=timedelta(0))
    old.look()
    assert old.latest() is None


@given(st.text())
def test_no_output_of_the_tool_breaks_the_reading(text: str) -> None:
    gpus_of(text)
    assert all(size >= 0 for size in memory_of(text).values())
    assert all(0 <= share < float("inf") for share in shares_of(text).values())


def test_smoke_tests_are_counted_and_hosts_without_a_gpu_have_no_share(database: Database) -> None:
    registry = CollectorRegistry()
    counts = SmokeCounts(database, registry)
    for host, outcome in (("a", "passed"), ("a", "failed"), ("b", "no gpu")):
        record(database, SmokeResult(host=host, at=NOW if outcome == "passed" else datetime.now(UTC), outcome=outcome))
    counts.update()
    value = registry.get_sample_value
    assert value("devctl_gpu_smoke_success_timestamp_seconds", {"host": "a"}) == NOW.timestamp()
    assert value("devctl_gpu_smoke_failed_ratio", {"host": "a"}) == 1  # the one that passed is too long ago
    assert value("devctl_gpu_smoke_tests_total", {"host": "b", "outcome": "no_gpu"}) == 1
    assert value("devctl_gpu_smoke_failed_ratio", {"host": "b"}) is None


def test_hosts_are_tested_when_they_are_due_and_one_that_is_away_is_left_alone(
    database: Database, tmp_path: Path
) -> None:
    image = os.environ.get("ROADCREW_TEST_IMAGE", "")
    if os.environ.get("DOCKER") != "1" or not image:
        pytest.skip("not run on docker: DOCKER=1 and ROADCREW_TEST_IMAGE are not set")
    hosts = LocalHosts(DevctlSettings(folder=tmp_path), "home")
    [first] = smoke_due(database, hosts, image, 3600)
    assert (first.host, first.outcome) in (("local", "no gpu"), ("local", "passed"))
    assert smoke_due(database, hosts, image, 3600) == []
    database.rows("UPDATE gpu_smoke SET at = at - interval '2 hours' RETURNING id")
    assert len(smoke_due(database, hosts, image, 3600)) == 1
    away = LocalHosts(DevctlSettings(folder=tmp_path, docker_host=f"unix://{tmp_path}/none"), "home")
    assert smoke_due(database, away, image, 0) == []
