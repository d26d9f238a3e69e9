"""What the attacks share: an office for a whole module, and the surroundings that they are after."""

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from devctl.errors import SandboxUnavailable
from local import Workspace
from roadcrew.settings import Settings
from tests.e2e.conftest import new_repository, office, repository, settings
from tests.e2e.crewmates import Crewmates, answering
from tests.e2e.offices import MakeOffice, TestOffice, open_test_office
from tests.injection.world import World, world_at

__all__ = ["office", "repository", "settings"]


@pytest.fixture(scope="module")
def long_office(workspace: Workspace, settings: Settings) -> Iterator[MakeOffice]:  # noqa: F811 - a fixture's name
    """Makes offices that last as long as the module's tests."""
    with ExitStack() as stack:

        def make(mates: Crewmates, **manners: Any) -> TestOffice:
            stack.enter_context(answering(mates))
            try:
                return stack.enter_context(open_test_office(settings, workspace, mates, manners))
            except SandboxUnavailable as fault:
                pytest.skip(str(fault))

        yield make


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder for a module's repositories, outside of what environments see."""
    with tempfile.TemporaryDirectory(prefix="rci", dir="/var/tmp", ignore_cleanup_errors=True) as name:  # noqa: S108 - what the tests of attacks need
        yield Path(name)


@pytest.fixture(scope="module")
def world(folder: Path) -> Iterator[World]:
    """Secrets, a listener and another repository."""
    with world_at(folder / "world") as made:
        yield made


@pytest.fixture
def unguarded(folder: Path) -> Path:
    """A path for a repository in which a command runs without any guard."""
    return folder / f"host-{uuid.uuid4().hex[:8]}"


__all__ += ["new_repository"]
