"""The kernel's counters, from files of both versions of control groups."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl.hosts.counters import Counters, devices_of, groups_of, read_groups, read_network
from devctl.hosts.counting import from_stats, moment
from devctl.metrics.usage import usage_between
from tests.devctl.metrics import trees

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize("version", [trees.version_1, trees.version_2])
def test_both_versions_give_the_same_counters(version: Callable[[Path], None], tmp_path: Path) -> None:
    version(tmp_path)
    proc = tmp_path / "proc"
    groups = groups_of(42, tmp_path / "cg", proc)
    assert groups is not None
    devices = devices_of(42, ["/data/", "/nowhere"], proc)
    assert devices == ("8:16",)
    found = read_groups(groups, NOW, devices)
    assert found is not None
    assert found.model_dump(exclude={"at", "started"}, exclude_none=True) == {
        "cpu_seconds": 12.5, "throttled_seconds": 1.5, "memory_bytes": 100_000_000, "memory_limit_bytes": 2**28,
        "pids": 7, "out_of_memory": 2, "block_read_bytes": 1030, "block_written_bytes": 204,
        "volume_read_bytes": 30, "volume_written_bytes": 4,
    }  # fmt: skip
    assert read_network(42, proc) == (5007, 608)


def test_no_limit_is_none_on_both_versions(tmp_path: Path) -> None:
    trees.version_1(tmp_path / "1")
    trees.version_2(tmp_path / "2")
    (tmp_path / f"1/cg/memory/docker/{trees.ID}/memory.limit_in_bytes").write_text("9223372036854771712\n")
    (tmp_path / f"2/cg/system.slice/docker-{trees.ID}.scope/memory.max").write_text("max\n")
    for name in ("1", "2"):
        groups = groups_of(42, tmp_path / name / "cg", tmp_path / name / "proc")
        assert groups is not None
        found = read_groups(groups, NOW)
        assert found is not None and found.memory_limit_bytes is None


@pytest.mark.parametrize("version", [1, 2])
def test_traffic_of_very_many_devices_is_read_whole(version: int, tmp_path: Path) -> None:
    (trees.version_1 if version == 1 else trees.version_2)(tmp_path)
    if version == 1:
        file = tmp_path / f"cg/blkio/docker/{trees.ID}/blkio.throttle.io_service_bytes_recursive"
        file.write_text("".join(f"254:{number} Read 1\n254:{number} Write 2\n" for number in range(5_000)))
    else:
        file = tmp_path / f"cg/system.slice/docker-{trees.ID}.scope/io.stat"
        file.write_text("".join(f"254:{number} rbytes=1 wbytes=2 rios=1 wios=1\n" for number in range(5_000)))
    groups = groups_of(42, tmp_path / "cg", tmp_path / "proc")
    assert file.stat().st_size > 2**16 and groups is not None
    found = read_groups(groups, NOW)
    assert found is not None and (found.block_read_bytes, found.block_written_bytes) == (5_000, 10_000)


@pytest.mark.parametrize(
    "text", ["", "\n", "inactive_file\n", "inactive_file x\n", "inactive_file 5 6\n", "xinactive_file 7\n"]
)
def test_statistics_without_the_number_are_none_of_it(text: str, tmp_path: Path) -> None:
    trees.version_2(tmp_path)
    (tmp_path / f"cg/system.slice/docker-{trees.ID}.scope/memory.stat").write_text(text)
    groups = groups_of(42, tmp_path / "cg", tmp_path / "proc")
    assert groups is not None
    found = read_groups(groups, NOW)
    assert found is not None and found.memory_bytes == 104_857_600


def test_groups_of_the_whole_machine_and_processes_that_are_gone_are_none(tmp_path: Path) -> None:
    trees.write(tmp_path, {"proc/7/cgroup": "0::/\n", "cg/cgroup.controllers": "cpu\n", "proc/8/cgroup": "0::/../x\n"})
    for pid in (7, 8, 9):
        assert groups_of(pid, tmp_path / "cg", tmp_path / "proc") is None
    trees.version_2(tmp_path)
    groups = groups_of(42, tmp_path / "cg", tmp_path / "proc")
    assert groups is not None
    (groups.folders["unified"] / "cpu.stat").unlink()
    assert read_groups(groups, NOW) is None


def test_our_own_process_has_a_network_here() -> None:
    found = read_network(os.getpid())
    assert found is not None and min(found) >= 0


def test_what_an_engine_says_of_a_container() -> None:
    stats = {
        "cpu_stats": {"cpu_usage": {"total_usage": 3_000_000_000}, "system_cpu_usage": 9, "throttling_data": {"throttled_time": 10**9}},
        "memory_stats": {"usage": 500, "limit": 1000, "stats": {"inactive_file": 100}},
        "networks": {"eth0": {"rx_bytes": 5, "tx_bytes": 6}},
        "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 7}, {"op": "read", "value": 1}, {"op": "write", "value": 9}]},
        "pids_stats": {"current": 3},
    }  # fmt: skip
    found = from_stats(stats, NOW)
    assert found is not None
    assert (found.cpu_seconds, found.memory_bytes, found.block_read_bytes, found.network_sent_bytes) == (3.0, 400, 8, 6)
    assert from_stats({"cpu_stats": {"cpu_usage": {"total_usage": 0}}, "memory_stats": {}}, NOW) is None
    assert moment("2026-01-02T00:00:00.123456789Z") == NOW


@given(before=st.floats(0, 1e6), used=st.floats(0, 1e4), seconds=st.floats(0.1, 1e4), cpus=st.floats(0.1, 64))
def test_usage_is_what_was_used_by_the_time_between(before: float, used: float, seconds: float, cpus: float) -> None:
    first = Counters(at=NOW, started=NOW, cpu_seconds=before)
    second = Counters(at=NOW + timedelta(seconds=seconds), started=NOW, cpu_seconds=before + used)
    usage = usage_between(first, second, cpus)
    assert usage is not None and usage.cpu_percent == pytest.approx(100 * used / seconds, rel=1e-3, abs=0.02)
    assert usage_between(second, first, cpus) is None
    again = second.model_copy(update={"started": NOW + timedelta(seconds=1)})
    assert usage_between(first, again, cpus) is None
