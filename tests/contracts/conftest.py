"""The policy engines that contract suites run on."""

import os
from collections.abc import Iterator

import pytest

from policies import PolicyEngine, PolicySettings, open_engine
from tests.policies.opa_server import OpaProcess


@pytest.fixture(scope="module")
def opa_url() -> Iterator[str]:
    """Our own server where there is the program, else the one that ROADCREW_TEST_OPA_URL names."""
    if "OPA_BINARY" not in os.environ and (url := os.environ.get("ROADCREW_TEST_OPA_URL")):
        yield url
        return
    process = OpaProcess()
    process.start()
    yield process.url
    process.stop()


@pytest.fixture(scope="module", params=["regorus", "opa"])
def engine(request: pytest.FixtureRequest) -> PolicyEngine:
    url = request.getfixturevalue("opa_url") if request.param == "opa" else None
    opened = open_engine(PolicySettings(opa_url=url))
    assert opened.name == request.param
    return opened


@pytest.fixture(scope="module")
def pair(opa_url: str) -> tuple[PolicyEngine, PolicyEngine]:
    return open_engine(), open_engine(PolicySettings(opa_url=opa_url))
