"""Fleets on the hosts that this machine has, with nothing left behind."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devctl.errors import SandboxUnavailable
from devctl.fleet import open_fleet
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import EnvironmentSpec, KeptLimits, User
from devctl.settings import DevctlSettings
from tests.devctl.leaks import left_behind, settled
from tests.devctl.machines import remove_laid_out

IMAGE = os.environ.get("ROADCREW_TEST_IMAGE", "")
ADA, BOB = User(name="ada", tier="free"), User(name="bob", tier="free")
ROOT = User(name="root", role="admin")
FOLDERS: dict[int, Path] = {}
SMALL = KeptLimits(cpus=1, memory_mb=256, pids=64, disk_mb=64)


def needs_docker() -> None:
    """Skip the test where no engine is meant to be used."""
    if os.environ.get("DOCKER") != "1" or not IMAGE:
        pytest.skip("not run on docker: DOCKER=1 and ROADCREW_TEST_IMAGE are not set")


@contextmanager
def fleet_on(
    backend: str, database_url: str, folder: Path | None = None, ruled: bool = False, **settings: object
) -> Iterator[Fleet]:
    """A fleet on one backend, which asks the real policy where it is `ruled`.

    All that is left of its environments and snapshots is removed at the end, and then nothing may be there of it.
    """
    if backend == "docker":
        needs_docker()
    folder = folder or Path(tempfile.mkdtemp(prefix="df", dir="/tmp"))
    given = {"docker_image": IMAGE or None, **settings}
    read = DevctlSettings.from_environment({}, folder=folder, backend=backend, database_url=database_url, **given)
    try:
        with open_fleet(read, read.policy() if ruled else None) as fleet:
            FOLDERS[id(fleet)] = folder
            home = fleet.parts.database.rows("SELECT id FROM installation")[0]["id"]
            try:
                yield fleet
            finally:
                sweep(fleet)
                del FOLDERS[id(fleet)]
            assert settled(lambda: left_behind(home, folder, backend == "docker")) == []
    except SandboxUnavailable as error:
        pytest.skip(f"not run on {backend}: {error}")
    finally:
        if backend == "docker":
            remove_laid_out(folder)
        shutil.rmtree(folder, ignore_errors=True)


def sweep(fleet: Fleet) -> None:
    """Remove all environments and snapshots."""
    for record in fleet.list(ROOT, all_users=True):
        fleet.remove(ROOT, record.name, force=True)
    for snapshot in fleet.snapshots(ROOT):
        fleet.remove_snapshot(ROOT, snapshot.tag)


def wanted(backend: str, name: str, **more: object) -> EnvironmentSpec:
    """A small environment of the backend's ordinary image."""
    image = IMAGE if backend == "docker" else "host"
    return EnvironmentSpec.model_validate({"name": name, "image": image, "limits": SMALL, **more})


def containers(fleet: Fleet) -> list[str]:
    """The ids of all containers that this fleet's installation has on the engine, as the engine's own client says."""
    home = fleet.parts.database.rows("SELECT id FROM installation")[0]["id"]
    argv = ["docker", "ps", "-aq", "--filter", f"label=devctl.home={home}"]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout.split()


def settings_of(fleet: Fleet) -> DevctlSettings:
    """Settings with the devctl folder of a fleet."""
    return DevctlSettings.from_environment({}, folder=folder_of(fleet))


def folder_of(fleet: Fleet) -> Path:
    """The devctl folder of a fleet."""
    return FOLDERS[id(fleet)]
