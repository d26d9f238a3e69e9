"""Detection on laid-out machines, what containers are made with, and what is refused or noted."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from devctl.builder import flavours
from devctl.errors import BuildRefused, LaunchFailed
from devctl.fleet.database import Database
from devctl.fleet.records import GpuWish, Host
from devctl.gpu.detection import Gpu, GpuReport, Seen, judge, look, read_smi
from devctl.gpu.options import NO_GPU, given, shortage
from devctl.gpu.smoke import SmokeResult, failed_share, record, smoke_test
from devctl.hosts.docker_gpu import GpuEngine
from devctl.wizard import lint
from scripts.source import ROOT
from tests.devctl.builder.places import engine_image
from tests.devctl.gpu.machines import CDI, TWO, machine
from tests.devctl.leaks import settled

RUNTIME: dict[str, Any] = {"Runtimes": {"nvidia": {}, "runc": {}}}
CDI_ENGINE = {"CDISpecDirs": ["/etc/cdi"], "Runtimes": {"runc": {}}}
FILES = ("nvidia0", "nvidia1", "nvidiactl")


def test_gpus_are_listed_by_the_drivers_own_tool(tmp_path: Path) -> None:
    seen = look(machine(tmp_path, smi=TWO, files=FILES, cdi=CDI))
    assert seen.gpus[0] == Gpu("nvidia", 0, "NVIDIA H200", "GPU-aaaa", 143_771, "570.86.15")
    assert seen.gpus[1].memory_mb is None
    assert seen.cdi_devices == ("nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=all")
    assert seen.problems == ()


@pytest.mark.parametrize(
    ("layout", "problem"),
    [
        ({"files": FILES}, "nvidia-smi is not"),
        ({"smi": "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", "code": 9}, "finds no GPU: NVIDIA-SMI has failed"),
        ({"smi": "", "code": 0, "files": FILES}, "finds no GPU"),
        ({"smi": "No devices were found\n", "code": 6}, "No devices were found"),
        ({"cdi": "kind: [\n"}, "cannot be read"),
        ({"cdi": "- not a spec\n"}, "cannot be read"),
    ],
)  # fmt: skip
def test_half_a_gpu_is_a_problem_and_no_gpu(layout: dict[str, Any], problem: str, tmp_path: Path) -> None:
    seen = look(machine(tmp_path, **layout))
    assert seen.gpus == ()
    assert problem in " ".join(seen.problems)


def test_a_machine_without_any_is_silent(tmp_path: Path) -> None:
    seen = look(machine(tmp_path))
    assert seen == Seen((), (), ())
    assert judge({"Runtimes": {"runc": {}}}, seen) == GpuReport((), "")


def test_amds_compute_devices_are_seen(tmp_path: Path) -> None:
    places = machine(tmp_path, files=("kfd",))
    for node, number in (("0", "0"), ("1", "51966")):
        (tmp_path / f"sys/class/kfd/kfd/topology/nodes/{node}").mkdir(parents=True)
        (tmp_path / f"sys/class/kfd/kfd/topology/nodes/{node}/gpu_id").write_text(number)
    seen = look(places)
    assert [(gpu.vendor, gpu.uuid) for gpu in seen.gpus] == [("amd", "51966")]
    assert judge({}, seen).way == "amd"


def test_the_way_into_containers_is_cdi_or_the_runtime_or_none(tmp_path: Path) -> None:
    seen = look(machine(tmp_path / "a", smi=TWO, files=FILES, cdi=CDI))
    assert judge(CDI_ENGINE, seen).way == "cdi"
    assert judge(RUNTIME, seen).way == "nvidia"
    plain = judge({"Runtimes": {"runc": {}}}, seen)
    assert (plain.way, plain.usable) == ("", False)
    assert "cannot hand it on" in plain.problems[-1]
    assert "nvidia-ctk" in plain.hint
    without = judge(RUNTIME, look(machine(tmp_path / "b")))
    assert not without.usable
    assert "no GPU answers" in without.problems[0]


def test_of_an_engine_far_away_only_discovered_devices_count() -> None:
    assert not judge(RUNTIME, None).usable
    found = judge({"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}, {"ID": "other.com/x=1"}]}, None)
    assert (found.way, found.devices) == ("cdi", ("nvidia.com/gpu=0",))


@over(st.text(max_size=200))
def test_no_output_of_the_tool_breaks_the_reading(text: str) -> None:
    for gpu in read_smi(text):
        assert gpu.number >= 0


TWO_GPUS = (Gpu("nvidia", 0, memory_mb=24_000), Gpu("nvidia", 1, memory_mb=16_000))


def test_what_a_container_is_made_with() -> None:
    wish = GpuWish(want="required", count=1)
    by_cdi = GpuReport(TWO_GPUS, "cdi", ("nvidia.com/gpu=all", "nvidia.com/gpu=1", "nvidia.com/gpu=0"))
    assert given(wish, by_cdi)[0]["device_requests"] == [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=0"]}]
    by_runtime = given(wish, GpuReport(TWO_GPUS, "nvidia"))[0]["device_requests"][0]
    assert (by_runtime["Driver"], by_runtime["Count"]) == ("nvidia", 1)
    assert given(wish, GpuReport((Gpu("amd", 0),), "amd"))[0]["devices"][0] == "/dev/kfd:/dev/kfd:rwm"
    assert given(GpuWish(), by_cdi) == ({}, ())


@pytest.mark.parametrize(
    ("wish", "words"),
    [({"count": 3}, "2 GPUs, and 3"), ({"memory_mb": 20_000}, "16000 MiB of memory, and 20000"), ({}, "")],
)
def test_too_little_is_refused_where_required_and_noted_where_not(wish: dict[str, int], words: str) -> None:
    report = GpuReport(TWO_GPUS, "nvidia")
    assert words in shortage(GpuWish.model_validate({"want": "required", **wish}), report)
    if words:
        with pytest.raises(LaunchFailed, match=words):
            given(GpuWish.model_validate({"want": "required", **wish}), report)
        arguments, notes = given(GpuWish.model_validate({"want": "optional", **wish}), report)
        assert arguments == {}
        assert words in notes[0]


def test_without_a_gpu_an_optional_one_is_a_note_and_a_required_one_a_refusal() -> None:
    none = GpuReport((), "", hint="check the driver")
    assert given(GpuWish(want="optional"), none) == ({}, (NO_GPU,))
    with pytest.raises(LaunchFailed, match="a GPU is required") as caught:
        given(GpuWish(want="required"), none)
    assert caught.value.hint == "check the driver"


def test_the_smoke_test_launches_for_real_and_its_share_of_failures_is_kept(database: Database) -> None:
    image = engine_image()
    assert failed_share(database) is None
    with GpuEngine(Host(name="local", address="unix:///var/run/docker.sock")) as engine:
        nothing = smoke_test(engine, GpuReport((), ""), image)
        blind = smoke_test(engine, GpuReport(TWO_GPUS, "nvidia"), image)
        assert engine.run(image, ["echo", "words"], {}) == (0, "words\n")
        assert engine.run(image, ["sh", "-c", "exit 3"], {})[0] == 3
    left = ["docker", "ps", "-aq", "--filter", "label=devctl=gpu-smoke"]
    assert settled(lambda: subprocess.run(left, capture_output=True, text=True, check=True).stdout.splitlines()) == []
    assert nothing.outcome == "no gpu"
    if not engine_has_gpus():
        assert blind.outcome == "failed"
        assert blind.words
    passed = SmokeResult(host="x", at=datetime.now(UTC), outcome="passed")
    for result in (nothing, passed, passed.model_copy(update={"outcome": "failed"})):
        record(database, result)
    assert failed_share(database) == 0.5


def engine_has_gpus() -> bool:
    return bool(look().gpus)


@pytest.mark.parametrize("name", ["cuda", "node", "python"])
def test_flavours_break_no_rule(name: str) -> None:
    text = flavours.dockerfile(name).read_text()
    assert [finding for finding in lint(text) if finding.severity == "error"] == []


def test_a_flavour_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(BuildRefused, match="cuda, node, python"):
        flavours.dockerfile("rust")


def test_the_probe_for_lent_machines_runs_with_python_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-S", str(ROOT / "bench/gpu_probe.py")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "they agree" in done.stdout
