"""Services over a fleet whose engine is away, and over one on each backend."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devctl.fleet import open_fleet
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import User
from devctl.serve.server import Server
from devctl.settings import DevctlSettings
from tests.devctl.gpu.machines import busy_machine
from tests.devctl.serve.services import Caller, after_first_round, serving, token_of

Callers = Callable[[User], Caller]


@pytest.fixture(scope="module")
def away(devctl_database: str) -> Iterator[Server]:
    """A service whose Docker engine does not answer: for all that needs none. It measures when a test says so."""
    with tempfile.TemporaryDirectory(prefix="ds", dir="/tmp") as folder:
        settings = DevctlSettings.from_environment(
            {}, folder=Path(folder), backend="docker", docker_host=f"unix://{folder}/none", database_url=devctl_database
        )
        gpus = busy_machine(Path(folder) / "machine", 1)
        with (
            open_fleet(settings, None) as fleet,
            serving(fleet, settings, gpus, json_kb=8, body_mb=1, sample_seconds=3_600) as server,
        ):
            yield after_first_round(server)


@pytest.fixture
def live(fleet: Fleet, devctl_database: str) -> Iterator[Server]:
    """A service over a fleet on each backend in turn. It measures when a test says so."""
    with tempfile.TemporaryDirectory(prefix="ds", dir="/tmp") as folder:
        settings = DevctlSettings.from_environment({}, folder=Path(folder), database_url=devctl_database)
        with serving(fleet, settings, sample_seconds=3_600) as server:
            yield after_first_round(server)


@pytest.fixture
def as_user(live: Server) -> Callers:
    """Makes callers of the live service."""
    return lambda user: Caller(live.url, token_of(live, user))
