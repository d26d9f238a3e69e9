"""Workspaces whose servers are stopped at the end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import Workspace, open_workspace, stop


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace for tests that leave its servers running."""
    workspace = open_workspace(tmp_path_factory.mktemp("shared"))
    yield workspace
    stop(workspace)


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """A workspace of one test, at a path short enough for its sockets to lie in it."""
    with tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp") as folder:
        workspace = open_workspace(Path(folder) / "w")
        yield workspace
        stop(workspace)
