"""What the tests of the tools share: scripted models, bare repositories and mirrors, real sandboxes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from devctl import DevctlSettings, Launcher, open_launcher
from devctl.errors import SandboxUnavailable
from tests.tools.code_host import Forge, running_forge
from tests.tools.git_server import GitServer
from tests.tools.repositories import new_remote, seeded
from tests.tools.scripted import Answer, ScriptedModel, serving
from tools.git import Mirror


@pytest.fixture
def scripted_model() -> Iterator[Callable[..., ScriptedModel]]:
    """Makes model endpoints that give these answers in order; they are closed after the test."""
    with ExitStack() as stack:

        def serve(*answers: Answer) -> ScriptedModel:
            return stack.enter_context(serving(answers))

        yield serve


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """An empty bare repository."""
    return new_remote(tmp_path / "remote.git")


@pytest.fixture
def mirror(tmp_path: Path, remote: Path) -> Mirror:
    """A mirror of the empty repository."""
    return Mirror(tmp_path / "mirror", str(remote))


@pytest.fixture
def first(mirror: Mirror) -> str:
    """An empty first commit, pushed as main."""
    return seeded(mirror)


@pytest.fixture(scope="session")
def git_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """Git's own server over HTTP with tokens."""
    server = GitServer(tmp_path_factory.mktemp("served"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """Real sandboxes, or a skip that says why there are none."""
    settings = DevctlSettings(folder=tmp_path_factory.mktemp("devctl"), backend="bubblewrap")
    try:
        opened = open_launcher(settings, None)
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    yield opened
    opened.stop_all()


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    """One forge process for the session; each test makes its own repositories on it."""
    with running_forge(tmp_path_factory.mktemp("forge")) as running:
        yield running
