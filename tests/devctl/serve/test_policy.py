"""What the policy says to callers of the service."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl.fleet.records import KeptLimits, User
from devctl.serve.server import Server
from devctl.settings import DevctlSettings
from tests.devctl.fleets import SMALL, fleet_on
from tests.devctl.serve.services import Caller, serving, token_of
from tests.devctl.serve.test_environments import make

ANN = User(name="ann", tier="free")


@pytest.fixture
def ruled(backend: str, devctl_database: str) -> Iterator[Server]:
    """A service that asks the real policy, on each backend in turn."""
    with tempfile.TemporaryDirectory(prefix="ds", dir="/tmp") as folder:
        settings = DevctlSettings.from_environment({}, folder=Path(folder), database_url=devctl_database)
        with fleet_on(backend, devctl_database, ruled=True) as fleet, serving(fleet, settings) as server:
            yield server


def test_the_third_environment_of_a_free_user_is_forbidden_with_the_reason(ruled: Server, backend: str) -> None:
    ann = Caller(ruled.url, token_of(ruled, ANN))
    for name in ("one", "two"):
        assert make(ann, backend, name).status == 201
    third = make(ann, backend, "three")
    assert third.status == 403
    assert any("2" in reason and "living" in reason for reason in third.json["reasons"]), third.json
    assert ann("DELETE", "/v1/environments/one").status == 204
    assert make(ann, backend, "three").status == 201


def test_more_than_two_cores_are_forbidden_to_a_free_user(ruled: Server, backend: str) -> None:
    ann = Caller(ruled.url, token_of(ruled, ANN))
    limits = KeptLimits(**{**SMALL.model_dump(), "cpus": 3})
    refused = make(ann, backend, "big", limits=limits)
    assert refused.status == 403
    assert any("CPU" in reason for reason in refused.json["reasons"]), refused.json


@pytest.mark.parametrize("source", ["/etc", "/var/run/docker.sock", "/homes/ann"])
def test_nobody_mounts_folders_of_the_services_machine(ruled: Server, backend: str, source: str) -> None:
    owner = Caller(ruled.url, token_of(ruled, User(name="root", tier="owner", role="admin")))
    mount = {"kind": "bind", "source": source, "target": "/mine"}
    refused = make(owner, backend, "curious", mounts=[mount])
    assert refused.status == 403, refused.body
    assert owner("GET", "/v1/environments/curious").status == 404
