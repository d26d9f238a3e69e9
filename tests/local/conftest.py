"""Workspaces whose servers are stopped at the end."""

from __future__ import annotations

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
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace of one test."""
    workspace = open_workspace(tmp_path / "workspace")
    yield workspace
    stop(workspace)
