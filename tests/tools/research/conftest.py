"""What the tests of research share: a server that speaks the protocols of the outside sources."""

from collections.abc import Iterator

import pytest

from tests.tools.research.outside_server import OutsideServer, serving_outside
from tools.research.outside import OutsideSources
from tools.research.settings import ResearchSettings, WebLimits

QUICK = WebLimits(connect_seconds=2, seconds=5, page_bytes=200_000, answer_bytes=2_000_000, longest_wait=0.05)


@pytest.fixture
def server() -> Iterator[OutsideServer]:
    """A search, OSV and both registries on loopback, with nothing in them yet."""
    with serving_outside() as running:
        yield running


@pytest.fixture
def outside(server: OutsideServer) -> OutsideSources:
    """The sources, set to that server."""
    return OutsideSources(settings_for(server))


def settings_for(server: OutsideServer) -> ResearchSettings:
    """Settings that name the server for everything."""
    return ResearchSettings(
        search_url=server.url,
        osv_url=server.url,
        pypi_url=f"{server.url}/pypi",
        npm_url=f"{server.url}/npm",
        go_url=f"{server.url}/go",
        limits=QUICK,
    )
