"""Programs that behave badly in kept environments, and machines that are full or busy."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl.errors import DevctlError, LaunchFailed, PortTaken
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import KeptLimits
from devctl.relays import Forward
from tests.devctl.fleets import ADA, containers, fleet_on, folder_of, wanted
from tests.devctl.leaks import groups_of, settled

TIGHT = KeptLimits(cpus=1, memory_mb=96, pids=48, disk_mb=64, output_bytes=10_000)


def test_fork_bomb_ends_at_its_time_and_the_environment_lives_on(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "bomb", limits=TIGHT))
    script = "f() { f | f & }; f; sleep 60"
    result = fleet.exec(ADA, "bomb", ["sh", "-c", script], seconds=3)
    assert result.exit_code != 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:  # the last of the bomb may be dying yet
        if fleet.exec(ADA, "bomb", ["echo", "alive"], seconds=20).output == "alive\n":
            return
    pytest.fail("the environment does not answer any more")


def test_memory_bomb_is_killed_and_the_environment_lives_on(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "hungry", limits=TIGHT))
    code = "data = [bytearray(10_000_000) for _ in range(400)]; print('had it all')"
    result = fleet.exec(ADA, "hungry", ["python3", "-c", code], seconds=60)
    assert result.exit_code != 0 and "had it all" not in result.output
    assert fleet.exec(ADA, "hungry", ["echo", "alive"], seconds=30).output == "alive\n"


def test_endless_output_is_cut_in_the_middle(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "loud", limits=TIGHT))
    script = "echo begin; head -c 300000000 /dev/zero | tr '\\0' x; echo; echo end; exit 4"
    result = fleet.exec(ADA, "loud", ["sh", "-c", script])
    assert (result.exit_code, result.truncated) == (4, True)
    assert result.output.startswith("begin\nxx") and result.output.endswith("x\nend\n")
    assert len(result.output) < 11_000


def test_deaf_main_process_is_killed_after_its_grace(docker_fleet: Fleet) -> None:
    deaf = ("sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done")
    docker_fleet.up(ADA, wanted("docker", "deaf", command=deaf))
    assert docker_fleet.stop(ADA, "deaf", grace=1).phase == "stopped"
    found = docker_fleet.parts.hosts.engine("local").inspect(docker_fleet.get(ADA, "deaf"))
    assert found is not None and (found.state, found.exit_code) == ("stopped", 137)
    assert b"".join(docker_fleet.logs(ADA, "deaf")) == b"deaf\n"


def test_main_process_that_ends_or_is_too_big_says_why(docker_fleet: Fleet) -> None:
    docker_fleet.up(ADA, wanted("docker", "brief", command=("sh", "-c", "echo bye; exit 3")))
    assert _settled(docker_fleet, "brief") == "its main process ended with 3"
    assert b"".join(docker_fleet.logs(ADA, "brief", follow=True)) == b"bye\n"
    code = "import time; time.sleep(1); data = [bytearray(10_000_000) for _ in range(400)]"
    docker_fleet.up(ADA, wanted("docker", "big", limits=TIGHT, command=("python3", "-c", code)))
    assert "memory" in _settled(docker_fleet, "big")


def _settled(fleet: Fleet, name: str) -> str:
    deadline = time.monotonic() + 60
    while fleet.get(ADA, name).phase == "running" and time.monotonic() < deadline:
        fleet.refresh()
        time.sleep(0.1)
    assert fleet.get(ADA, name).phase == "stopped"
    return fleet.get(ADA, name).why


def test_port_that_is_taken_is_said_so(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "web"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port}"):
            Forward(lambda: fleet.connect(ADA, "web", 8000), port)


def test_forwarded_port_leads_inside(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "echo"))
    code = (
        "import socket\ns = socket.create_server(('127.0.0.1', 7000))\nprint('up', flush=True)\n"
        "while True:\n c, _ = s.accept()\n c.sendall(c.recv(100).upper())\n c.close()"
    )
    with (
        fleet.open_exec(ADA, "echo", ["python3", "-c", code]) as server,
        Forward(lambda: fleet.connect(ADA, "echo", 7000)) as forward,
    ):
        assert server.read() == (1, b"up\n")
        for word in (b"one", b"two"):
            with socket.create_connection(("127.0.0.1", forward.port), timeout=30) as connection:
                connection.sendall(word)
                assert connection.recv(100) == word.upper()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of two megabytes."""
    if os.geteuid() != 0:
        pytest.skip("a small disk takes root to mount")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], check=False)
    if mounted.returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_full_disk_is_said_and_leaves_nothing(devctl_database: str, small_disk: Path, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "big").write_bytes(b"x" * 3_000_000)
    with fleet_on("bubblewrap", devctl_database, folder=small_disk / "d") as fleet:
        with pytest.raises(LaunchFailed, match="No space left") as raised:
            fleet.up(ADA, wanted("bubblewrap", "full"), tmp_path / "tree")
        assert "room" in raised.value.hint
        assert fleet.get(ADA, "full").phase == "failed"
        assert list((small_disk / "d" / "kept").iterdir()) == []
        assert list((small_disk / "d" / "uids").iterdir()) == []


def test_full_work_folder_is_the_commands_own_trouble(docker_fleet: Fleet) -> None:
    docker_fleet.up(ADA, wanted("docker", "fat", limits=TIGHT))
    result = docker_fleet.exec(ADA, "fat", ["sh", "-c", "head -c 100000000 /dev/zero >big; echo $?; wc -c <big"])
    assert result.output.split()[-1] == str(64 * 2**20)
    assert docker_fleet.exec(ADA, "fat", ["rm", "big"]).exit_code == 0
    assert folder_of(docker_fleet).is_dir() and len(containers(docker_fleet)) == 1


def test_source_that_does_not_fit_is_said_and_leaves_nothing(fleet: Fleet, backend: str, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "big").write_bytes(b"x" * 24 * 2**20)
    small = KeptLimits(cpus=1, memory_mb=96, pids=48, disk_mb=16)
    with pytest.raises(DevctlError) as raised:
        fleet.up(ADA, wanted(backend, "stuffed", limits=small), tmp_path / "tree")
    assert raised.value.hint or raised.value.message
    assert fleet.get(ADA, "stuffed").phase == "failed" and fleet.get(ADA, "stuffed").why
    if backend == "docker":
        assert containers(fleet) == []


def test_deaf_programs_end_with_their_environment(fleet: Fleet, backend: str) -> None:
    record = fleet.up(ADA, wanted(backend, "deaf"))
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    with fleet.open_exec(ADA, "deaf", ["python3", "-c", code]) as program:
        assert program.read() == (1, b"deaf\n")
        assert fleet.stop(ADA, "deaf", grace=1).phase == "stopped"
    assert settled(lambda: groups_of({record.id})) == []
    assert fleet.start(ADA, "deaf").phase == "running"
    listed = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
    assert "SIG_IGN" not in fleet.exec(ADA, "deaf", ["sh", "-c", listed]).output


def test_environment_that_wrote_too_much_in_all_is_stopped(fleet: Fleet, backend: str) -> None:
    small = KeptLimits(cpus=1, memory_mb=96, pids=48, disk_mb=16)
    fleet.up(ADA, wanted(backend, "greedy", limits=small))
    fleet.up(ADA, wanted(backend, "modest", limits=small))
    fleet.exec(ADA, "greedy", ["sh", "-c", "for n in 1 2 3; do head -c 9000000 /dev/urandom >$n; done"])
    fleet.exec(ADA, "modest", ["sh", "-c", "head -c 9000000 /dev/urandom >1"])
    assert [words.partition(":")[0] for words in fleet.stop_overfull()] == ["stopped greedy"]
    assert fleet.get(ADA, "greedy").phase == "stopped" and "limit is 16" in fleet.get(ADA, "greedy").why
    assert fleet.exec(ADA, "modest", ["echo", "here"]).output == "here\n"
