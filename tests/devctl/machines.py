"""Which backends this machine has, and launchers on them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from devctl import DevctlSettings, Launcher, SandboxUnavailable, open_launcher
from devctl.hosts.laid_out import LaidOutImages

SANDBOXES = ("bubblewrap", "docker")


@contextmanager
def launcher_on(backend: str, folder: Path, **settings: object) -> Iterator[Launcher]:
    """Open a launcher, or skip the test with the reason why there is none here."""
    image = os.environ.get("ROADCREW_TEST_IMAGE")
    given = {"docker_image": image, "docker_prepare_network": "host", **settings}
    read = DevctlSettings.from_environment(None, folder=folder, backend=backend, **given)
    try:
        launcher = open_launcher(read, None)
    except SandboxUnavailable as error:
        pytest.skip(f"not run on {backend}: {error}")
    if backend == "docker" and image is None:
        pytest.skip("not run on docker: ROADCREW_TEST_IMAGE names no image")
    print(f"running on {backend}")  # noqa: T201 - the suite says what it ran on
    try:
        yield launcher
    finally:
        launcher.stop_all()
        if backend == "docker":
            remove_laid_out(folder)


def remove_laid_out(folder: Path) -> None:
    """Remove the images that a devctl home made on the local engine: its folder goes, and they would stay."""
    notes = folder / "laid-out"
    if notes.is_dir():
        client = docker.APIClient(timeout=120)
        try:
            LaidOutImages(client, notes, "").prune()
        finally:
            client.close()
