"""One launcher for the tests of ecosystems, with a cache that they share."""

from collections.abc import Iterator

import pytest

from devctl import Launcher
from tests.devctl.machines import launcher_on


@pytest.fixture(scope="package", params=["bubblewrap", "docker"])
def launcher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    with launcher_on(request.param, tmp_path_factory.mktemp("devctl")) as opened:
        yield opened
