"""What the deliveries share: an office for each test, tiny repositories."""

import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agents.journal import JournaledCall, journaled_calls
from bench.replayed import Outcome, ReplayedDelivery
from devctl.errors import SandboxUnavailable
from local import Workspace
from roadcrew.settings import Settings, read_settings
from tests.conftest import clean_environment
from tests.e2e.crewmates import Crewmates, answering
from tests.e2e.offices import MakeOffice, TestOffice, open_test_office
from tests.e2e.plans import FIXTURE


@pytest.fixture(scope="session")
def settings(workspace: Workspace) -> Settings:
    """Settings of that workspace alone."""
    return read_settings(workspace=workspace.path, folder=workspace.path, environment=clean_environment())


@pytest.fixture
def office(workspace: Workspace, settings: Settings) -> Iterator[MakeOffice]:
    """Makes offices whose model is played by these mates; what they leave unfinished is stopped after the test."""
    with ExitStack() as stack:

        def make(mates: Crewmates, **manners: Any) -> TestOffice:
            stack.enter_context(answering(mates))
            try:
                return stack.enter_context(open_test_office(settings, workspace, mates, manners))
            except SandboxUnavailable as fault:
                pytest.skip(str(fault))

        yield make


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small repository with a green suite."""
    return new_repository(tmp_path / f"shop-{uuid.uuid4().hex[:8]}", FIXTURE)


def new_repository(folder: Path, files: dict[str, str]) -> Path:
    """Make a repository with one commit on main."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    commit_all(folder)
    return folder


def commit_all(folder: Path) -> None:
    """Commit what lies in the folder."""
    git(folder, "add", "--all")
    git(
        folder,
        "-c",
        "user.name=Ann",
        "-c",
        "user.email=ann@example.org",
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "One",
    )


def git(folder: Path, *arguments: str) -> str:
    """Run git as a person would."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Reference(NamedTuple):
    """An undisturbed delivery of the demo's library act."""

    outcome: Outcome
    calls: tuple[JournaledCall, ...]
    """Its model calls, as the journal holds them."""


@pytest.fixture(scope="session")
def environments() -> Iterator[Path]:
    """The folder of prepared environments that all replayed deliveries share; its path is short, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="rce", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder for the servers of one replayed delivery."""
    with tempfile.TemporaryDirectory(prefix="rcd", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def reference(environments: Path) -> Reference:
    """What the library act leaves when nothing disturbs it."""
    with (
        tempfile.TemporaryDirectory(prefix="rcr", dir="/tmp", ignore_cleanup_errors=True) as folder,
        ReplayedDelivery(Path(folder), environments) as delivery,
    ):
        delivery.start()
        delivery.worker()
        delivery.wait(240)
        crew = delivery.office.crew
        threads = [delivery.thread, *(child.id for child in crew.threads.children(delivery.thread))]
        return Reference(delivery.outcome(), tuple(journaled_calls(crew.database, threads)))
