"""A process without environments works, and says so when one is asked of it."""

from pathlib import Path

import pytest

from devctl import PrepareRequest, SandboxUnavailable, without_environments


def test_no_environment_can_be_prepared_and_none_runs(tmp_path: Path) -> None:
    launcher = without_environments()
    assert launcher.running() == []
    assert launcher.prune() == []
    with pytest.raises(SandboxUnavailable, match="makes no environments"):
        launcher.prepare(PrepareRequest(tree=tmp_path))
