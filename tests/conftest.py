"""What rooms share: one workspace with the embedded servers, made when the first test asks for it."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from local import Workspace, open_workspace
from scripts.source import ROOT

# A busy machine must not decide over a test: hypothesis would count its seconds.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")

pytest_plugins = ("tests.forge.conformance", "tests.ran_on")
CLEARED = ("OPA_URL", "NEO4J_", "DATABASE_URL", "GITHUB_", "OPENAI_", "ROADCREW_", "DEVCTL_", "DOCKER_HOST")

NOTHING_OUTSIDE = {f"ROADCREW_{name}_URL": "" for name in ("SEARCH", "OSV", "PYPI", "NPM")}
"""Turns off what the Researcher may ask outside: tests ask nobody, and recorded deliveries asked nobody."""


def clean_environment(**more: str) -> dict[str, str]:
    """Return this process's environment without anything that points the product at servers of somebody's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(CLEARED)}
    return {**kept, **NOTHING_OUTSIDE, "DEVCTL_BACKEND": "bubblewrap", **more}


def roadcrew(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "roadcrew.cli", *arguments],
        cwd=ROOT,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="session")
def workspace() -> Iterator[Workspace]:
    """A workspace whose servers run until the last test."""
    with running_workspace() as workspace:
        yield workspace


@contextmanager
def running_workspace() -> Iterator[Workspace]:
    """A workspace whose servers run; its path is short, as sockets need it."""
    folder = Path(tempfile.mkdtemp(prefix="rc", dir="/tmp"))
    place = str(folder / "w")
    try:
        started = roadcrew("--workspace", place, "up", "--detach")
        assert started.returncode == 0, started.stderr
        yield open_workspace(folder / "w")
    finally:
        roadcrew("--workspace", place, "stop", "--servers")
        shutil.rmtree(folder)
