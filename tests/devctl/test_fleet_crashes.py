"""What crashes leave, and how rows and hosts come together again."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devctl.errors import EnvironmentGone, HostUnreachable, LaunchFailed, NotRunning
from devctl.fleet.fleet import Fleet
from devctl.fleet.launching import Launching
from devctl.fleet.records import KeptLimits
from tests.devctl.engine_relay import EngineRelay
from tests.devctl.fleets import ADA, IMAGE, ROOT, containers, fleet_on, folder_of, needs_docker, wanted

ROOT_FOLDER = Path(__file__).parents[2]
OVERDUE = "UPDATE environment SET deadline = now() - interval '1 s' WHERE phase = 'creating' RETURNING id"


def launch_and_die(fleet: Fleet, backend: str, step: str, tree: Path) -> int:
    """Have another program launch an environment called `dead` and be killed at a step; returns its status."""
    argv = [sys.executable, "-m", "tests.devctl.launcher_that_dies", backend, str(folder_of(fleet))]
    argv += [fleet.parts.database.url, IMAGE if backend == "docker" else "host", "dead", str(tree), step]
    return subprocess.run(argv, cwd=ROOT_FOLDER, timeout=120, check=False).returncode


def on_host(fleet: Fleet, backend: str) -> int:
    """How many environments the host itself has."""
    if backend == "docker":
        return len(containers(fleet))
    return len(list((folder_of(fleet) / "kept").iterdir())) + len(list((folder_of(fleet) / "uids").iterdir()))


@pytest.mark.parametrize("step", ["reserved", "placed", "made its", "putting"])
def test_killed_launcher_leaves_nothing_after_reconcile(fleet: Fleet, backend: str, step: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert launch_and_die(fleet, backend, step, tmp_path) == -signal.SIGKILL
    assert fleet.get(ADA, "dead").phase == "creating"
    fleet.reconcile()
    assert fleet.get(ADA, "dead").phase == "creating"  # its launcher may still live, as far as anybody knows
    fleet.parts.database.rows(OVERDUE)
    assert any("dead" in words for words in fleet.reconcile())
    assert (fleet.get(ADA, "dead").phase, on_host(fleet, backend)) == ("failed", 0)
    assert "launcher" in fleet.get(ADA, "dead").why
    assert fleet.up(ADA, wanted(backend, "dead")).phase == "running"


def test_launch_that_takes_longer_than_its_deadline_is_not_taken_for_dead(devctl_database: str) -> None:
    with fleet_on("bubblewrap", devctl_database) as fleet:

        def told(words: str) -> None:
            if words.startswith("placed"):
                fleet.parts.database.rows(OVERDUE)
                while fleet.parts.database.rows("SELECT 1 FROM environment WHERE deadline < now()"):
                    time.sleep(0.01)
                assert fleet.undo_overdue() == []

        launching = Launching(fleet.parts, renew_seconds=0.05)
        assert launching.up(ADA, wanted("bubblewrap", "slow"), None, told).phase == "running"


def test_killed_start_leaves_the_environment_and_its_files(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "mine"))
    fleet.exec(ADA, "mine", ["sh", "-c", "echo kept >note"])
    fleet.parts.admission.reserve_start(ADA, fleet.stop(ADA, "mine"), 900)  # and nothing more: its program was killed
    assert fleet.reconcile() == []
    fleet.parts.database.rows(OVERDUE)
    assert fleet.undo_overdue() == ["undid the start of mine, whose program ended"]
    assert fleet.get(ADA, "mine").phase == "stopped"
    fleet.start(ADA, "mine")
    assert fleet.exec(ADA, "mine", ["cat", "note"]).output == "kept\n"


def test_launcher_killed_right_after_its_container_was_made_leaves_nothing(docker_fleet: Fleet, tmp_path: Path) -> None:
    fleet = docker_fleet
    argv = [sys.executable, "-m", "tests.devctl.launcher_that_dies", "docker", str(folder_of(fleet))]
    argv += [fleet.parts.database.url, IMAGE, "dead", str(tmp_path), "never"]
    launcher = subprocess.Popen(argv, cwd=ROOT_FOLDER)
    engine = fleet.parts.hosts.engine("local")
    deadline = time.monotonic() + 60
    while not engine.found() and time.monotonic() < deadline:
        time.sleep(0.002)
    launcher.kill()
    launcher.wait()
    fleet.parts.database.rows(OVERDUE)
    fleet.reconcile()
    if fleet.get(ADA, "dead").phase == "running":  # it was quicker than we
        pytest.skip("the launch was over before it could be killed")
    assert containers(fleet) == []


def test_environment_that_vanished_is_said_to_have_failed(fleet: Fleet, backend: str) -> None:
    record = fleet.up(ADA, wanted(backend, "gone"))
    fleet.parts.hosts.engine(record.host).remove(record)
    with pytest.raises(EnvironmentGone, match="gone"):
        fleet.exec(ADA, "gone", ["true"])
    assert fleet.get(ADA, "gone").phase == "failed"
    with pytest.raises(NotRunning):
        fleet.exec(ADA, "gone", ["true"])
    fleet.remove(ADA, "gone")


def test_environment_that_ended_by_itself_says_why(fleet: Fleet, backend: str) -> None:
    limits = KeptLimits(cpus=1, memory_mb=128, pids=64, disk_mb=64, seconds=1)
    fleet.up(ADA, wanted(backend, "short", limits=limits))
    deadline = time.monotonic() + 60
    while fleet.get(ADA, "short").phase == "running" and time.monotonic() < deadline:
        fleet.refresh()
        time.sleep(0.1)
    assert (fleet.get(ADA, "short").phase, fleet.get(ADA, "short").why) == ("stopped", "its time of 1 s was up")
    assert fleet.start(ADA, "short").phase == "running"


def test_environment_without_a_row_is_removed_and_others_are_left_alone(fleet: Fleet, backend: str) -> None:
    lost = fleet.up(ADA, wanted(backend, "lost"))
    fleet.up(ADA, wanted(backend, "stays"))
    fleet.parts.database.rows("DELETE FROM environment WHERE id = %s RETURNING id", lost.id)
    assert len(fleet.reconcile()) == 1
    assert fleet.exec(ADA, "stays", ["echo", "here"]).output == "here\n"
    assert [one.id for one in fleet.parts.hosts.engine(lost.host).found()] == [fleet.get(ADA, "stays").id]


def test_interrupted_removal_is_finished(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "half"))
    fleet.parts.database.rows("UPDATE environment SET phase = 'removing' WHERE phase = 'running' RETURNING id")
    assert fleet.reconcile() == ["finished the removal of half"]
    assert (fleet.list(ADA), on_host(fleet, backend)) == ([], 0)


def test_another_installation_on_the_same_engine_is_left_alone(docker_fleet: Fleet, database_url: str) -> None:
    docker_fleet.up(ADA, wanted("docker", "mine"))
    with fleet_on("docker", database_url) as other:
        assert other.reconcile() == []
    assert docker_fleet.exec(ADA, "mine", ["echo", "here"]).output == "here\n"


def test_host_that_is_lost_and_comes_back(devctl_database: str, tmp_path: Path) -> None:
    needs_docker()
    relay = EngineRelay(tmp_path / "e.sock")
    with fleet_on("docker", devctl_database, docker_host=relay.address) as fleet:
        fleet.up(ADA, wanted("docker", "far"))
        relay.cut()
        with pytest.raises(HostUnreachable, match="local"):
            fleet.exec(ADA, "far", ["true"])
        fleet.refresh()
        assert fleet.get(ADA, "far").phase == "lost"
        with pytest.raises(HostUnreachable):
            fleet.remove(ADA, "far")
        relay.join()
        fleet.reconcile()
        assert fleet.list(ADA) == []  # the removal that was begun is finished
        assert containers(fleet) == []
    relay.cut()


@pytest.mark.parametrize("step", ["placed", "made its"])
def test_host_lost_in_the_middle_of_a_launch_leaves_nothing(devctl_database: str, tmp_path: Path, step: str) -> None:
    needs_docker()
    relay = EngineRelay(tmp_path / "e.sock")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_text("x")

    def told(words: str) -> None:
        if words.startswith(step):
            relay.cut()

    with fleet_on("docker", devctl_database, docker_host=relay.address) as fleet:
        with pytest.raises(HostUnreachable):
            fleet.up(ADA, wanted("docker", "cut"), tree, told)
        assert fleet.get(ADA, "cut").phase == "failed"
        relay.join()
        fleet.reconcile()
        assert containers(fleet) == []
        assert fleet.up(ADA, wanted("docker", "cut"), tree).phase == "running"
        fleet.remove(ROOT, "cut")
    relay.cut()


def test_engine_that_is_down_and_image_that_is_missing_are_said_so(devctl_database: str, tmp_path: Path) -> None:
    needs_docker()
    with fleet_on("docker", devctl_database, docker_host=f"unix://{tmp_path}/none.sock") as fleet:
        with pytest.raises(HostUnreachable, match="none.sock"):
            fleet.up(ADA, wanted("docker", "down"))
        fleet.remove(ADA, "down", force=True)
    with fleet_on("docker", devctl_database) as fleet:
        with pytest.raises(LaunchFailed, match="devctl-no-such-image") as raised:
            fleet.up(ADA, wanted("docker", "imageless", image="127.0.0.1:9/devctl-no-such-image:1"))
        assert raised.value.hint
        assert (fleet.get(ADA, "imageless").phase, containers(fleet)) == ("failed", [])
