"""What the tests of the policies share."""

from collections.abc import Iterator

import pytest

from tests.policies.opa_server import OpaProcess


@pytest.fixture(scope="module")
def opa() -> Iterator[OpaProcess]:
    process = OpaProcess()
    process.start()
    yield process
    process.stop()
