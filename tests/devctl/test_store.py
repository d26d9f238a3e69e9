"""What is known of environments beyond the process that launched them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devctl import DevctlSettings, LaunchRequest, open_launcher
from devctl.capture import run_tool
from devctl.errors import LaunchFailed
from devctl.store import FIRST_UID, Store, process_start
from tests.devctl.machines import launcher_on

ORPHAN = """
import os, sys
from pathlib import Path
from devctl import DevctlSettings, LaunchRequest, open_launcher
settings = DevctlSettings.from_environment({}, folder=sys.argv[1], backend="bubblewrap")
environment = open_launcher(settings, None).launch(LaunchRequest())
print(environment.id, flush=True)
environment.exec(["sh", "-c", "while true; do touch alive; sleep 0.05; done"])
"""


def test_what_a_killed_owner_left_is_removed_at_the_next_opening(tmp_path: Path) -> None:
    with launcher_on("bubblewrap", tmp_path / "devctl"):
        pass
    argv = [sys.executable, "-c", ORPHAN, str(tmp_path / "devctl")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as owner:
        assert owner.stdout is not None
        name = owner.stdout.readline().strip()
        work = tmp_path / "devctl/environments" / name / "work"
        while not (work / "alive").exists():
            assert owner.poll() is None
        owner.kill()
    assert work.is_dir()
    with launcher_on("bubblewrap", tmp_path / "devctl") as launcher:
        assert launcher.running() == []
    assert not work.exists()
    assert list((tmp_path / "devctl/uids").iterdir()) == []
    found = run_tool(("pgrep", "-f", str(work.parent)))
    assert found.output == b""


def test_a_reused_process_number_is_not_taken_for_the_owner(tmp_path: Path) -> None:
    assert process_start(os.getpid()) > 0
    assert process_start(2**22 + 1) == 0


def test_each_environment_has_a_uid_of_its_own(tmp_path: Path) -> None:
    store = Store(tmp_path)
    name, _ = store.create(())
    assert [store.take_uid(name), store.take_uid(name)] == [FIRST_UID, FIRST_UID + 1]


def test_uid_that_another_environment_has_by_now_is_not_given_back_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (first, _), (second, _) = store.create(()), store.create(())
    uid = store.take_uid(first)
    store.give_uid_back(uid, first)
    assert store.take_uid(second) == uid
    store.give_uid_back(uid, first)  # by who has removed the first one at the same time, and was slower
    assert store.take_uid("third") != uid
    store.give_uid_back(uid, second)
    assert store.take_uid("fourth") == uid


def test_environment_may_be_removed_by_several_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for _ in range(5):
        name, folder = store.create(("work",))
        for number in range(200):
            (folder / "work" / str(number)).mkdir()
        with ThreadPoolExecutor(4) as together:
            for ended in [together.submit(store.remove, name) for _ in range(4)]:
                ended.result()
        assert not folder.exists()


def test_two_environments_do_not_see_each_others_files(tmp_path: Path) -> None:
    with launcher_on("bubblewrap", tmp_path) as launcher:
        one, other = launcher.launch(LaunchRequest()), launcher.launch(LaunchRequest())
        one.exec(["sh", "-c", "echo mine > note; echo mine > /tmp/note; echo mine > ~/note"])
        assert other.exec(["sh", "-c", "cat note /tmp/note ~/note"]).exit_code != 0
        assert one.exec(["sh", "-c", "cat note /tmp/note ~/note"]).output == "mine\n" * 3


def test_a_process_that_ends_stops_its_environments(tmp_path: Path) -> None:
    with launcher_on("bubblewrap", tmp_path):
        pass
    script = ORPHAN.replace('environment.exec(["sh", "-c", "while true; do touch alive; sleep 0.05; done"])', "")
    argv = [sys.executable, "-c", script, str(tmp_path)]
    subprocess.run(argv, check=True, capture_output=True, cwd=Path(__file__).parents[2], timeout=60)
    assert list((tmp_path / "environments").iterdir()) == []


def test_no_leftover_of_a_test_run_stays(tmp_path: Path) -> None:
    settings = DevctlSettings.from_environment({}, folder=tmp_path, backend="none")
    launcher = open_launcher(settings, None)
    with pytest.raises(ZeroDivisionError), launcher.launch(LaunchRequest()):
        raise ZeroDivisionError
    assert list((tmp_path / "environments").iterdir()) == []


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that holds two hundred files and folders."""
    if os.geteuid() != 0:
        pytest.skip("a small disk takes root to mount")
    place = tmp_path / "disk"
    place.mkdir()
    if (
        run_tool(("mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=200", "tmpfs", str(place)), seconds=30).exit_code
        != 0
    ):
        pytest.skip("no disk can be mounted here")
    try:
        yield place
    finally:
        run_tool(("umount", "-l", str(place)), seconds=30)


@pytest.mark.parametrize("backend", ["bubblewrap", "none"])
def test_launch_that_finds_the_disk_full_leaves_nothing_wherever_it_came_to(disk: Path, backend: str) -> None:
    home, fill = disk / "devctl", disk / "fill"
    with launcher_on(backend, home) as launcher:
        launcher.launch(LaunchRequest()).stop()  # what is made once is there
        fill.mkdir()
        while _fits(fill):
            pass
        before, failed = _all_of(home), 0
        for one in sorted(fill.iterdir()):
            try:
                launcher.launch(LaunchRequest()).stop()
                break
            except LaunchFailed as error:
                assert "No space left" in error.message
                assert (_all_of(home), launcher.running()) == (before, [])
                failed += 1
            one.unlink()
        assert failed > 3, "each step of the launch was the one that found no room"
        assert _all_of(home) == before


def _fits(folder: Path) -> bool:
    try:
        (folder / f"{len(list(folder.iterdir())):04}").touch()
    except OSError:
        return False
    return True


def _all_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
