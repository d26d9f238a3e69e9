"""How a sandbox gets its control groups and limits before its first command runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl import Launcher, LaunchRequest, Limits, SandboxFailed
from devctl.bubblewrap import BubblewrapBox
from devctl.cgroups import hierarchies
from devctl.environment import Environment
from tests.devctl.machines import launcher_on

LIMITS = Limits(cpus=2, memory_mb=300, pids=50, disk_mb=5, seconds=20)
ASK = "for one in c f n t; do ulimit -S$one; ulimit -H$one; done; cat /proc/self/cgroup"


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    with launcher_on("bubblewrap", tmp_path / "d") as opened:
        yield opened


def is_version_1() -> bool:
    return {one.version for one in hierarchies()} == {1}


def group_folders(environment: Environment) -> tuple[Path, ...]:
    box = environment._box
    assert isinstance(box, BubblewrapBox)
    return box._group.folders if box._group is not None else ()


def test_all_commands_have_the_same_limits_and_groups(launcher: Launcher) -> None:
    with launcher.launch(LaunchRequest(limits=LIMITS)) as environment:
        said = [environment.exec(["sh", "-c", ASK]).output.split("\n") for _ in range(4)]
        for lines in said:
            blocks = str(5 * 2**20 // 512)
            assert lines[:8] == ["0", "0", blocks, blocks, "4096", "4096", "45", "45"]
        if is_version_1():
            joined = {line.split(":")[1] for line in said[0][8:] if line.endswith(f"/devctl/{environment.id}")}
            assert joined >= {"memory", "pids", "cpu"}


def test_a_command_does_not_run_where_its_groups_cannot_be_joined(launcher: Launcher) -> None:
    if not is_version_1():
        pytest.skip("only under version 1 a sandbox is let in from outside")
    with launcher.launch(LaunchRequest(limits=LIMITS)) as environment:
        for folder in group_folders(environment):
            folder.rmdir()
        with pytest.raises(SandboxFailed, match="could not join its control groups"):
            environment.exec(["touch", "/work/ran"])
        host_folder = environment.host_folder
        assert host_folder is not None
        assert not (host_folder / "ran").exists()


def test_the_sandbox_of_a_broken_layout_says_why(launcher: Launcher) -> None:
    with launcher.launch(LaunchRequest(limits=LIMITS)) as environment:
        box = environment._box
        assert isinstance(box, BubblewrapBox)
        broken = (*box._sandbox.mounts, "--bind", "/no/such/folder", "/opt/none")
        box._sandbox = box._sandbox.model_copy(update={"mounts": broken})
        with pytest.raises(SandboxFailed, match="no/such/folder"):
            environment.exec(["true"])
