"""Machines that fail under a delivery: servers die, the disk is full. It goes on by itself, or on retry."""

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from local import Workspace
from roadcrew.settings import Settings
from tests.e2e.crewmates import Asked, answering, crewmates, gives, in_turn, writes
from tests.e2e.offices import PATIENT, MakeOffice, open_test_office
from tests.e2e.plans import code_task, function, planned
from tests.tools.scripted import Answer

ONE = in_turn(gives(planned(code_task())))
WORK = writes(*function("average"))


def kill_server(workspace: Workspace, name: str) -> None:
    """End a server as a crash would; its supervisor lives."""
    told = json.loads((workspace.path / "run" / f"{name}.json").read_text())
    os.kill(told["child"], signal.SIGKILL)


@pytest.mark.parametrize("name", ["graph", "postgres", "forge"])
def test_a_server_that_dies_under_a_delivery_does_not_end_it(
    office: MakeOffice, workspace: Workspace, repository: Path, name: str
) -> None:
    killed: list[int] = []

    def coder(asked: Asked) -> Answer:
        if asked.call == 2 and not killed:
            killed.append(asked.call)
            kill_server(workspace, name)
        return WORK(asked)

    mates = crewmates(planner=ONE, coder=coder)
    delivery = office(mates).file(repository)
    delivery.begin()
    assert delivery.go_on(settings=PATIENT).verdict == "merged"
    assert killed
    calls = [one.call for one in mates.of("coder")]
    assert len(calls) <= len(set(calls)) + 1


def test_checks_are_told_though_the_code_host_failed_just_after_the_merge(
    office: MakeOffice, workspace: Workspace, repository: Path
) -> None:
    delivery = office(crewmates(planner=ONE, coder=WORK)).file(repository)
    delivery.begin()
    with forge_without_statuses(workspace):
        assert delivery.go_on().failure is not None
    delivery.retry()
    assert delivery.go_on().verdict == "merged"
    (pull,) = delivery.office.crew.reader.pull_requests(delivery.thread)
    checks = delivery.host.check_state(delivery.host.pull_request(pull.number).head_sha).checks
    assert {check.name: check.state for check in checks} == {"roadcrew/tests": "success", "roadcrew/review": "success"}


@contextmanager
def forge_without_statuses(workspace: Workspace) -> Iterator[None]:
    """Have the forge's database refuse every status meanwhile."""
    with closing(
        sqlite3.connect(workspace.path / "data" / "forge" / "forge.sqlite3", isolation_level=None)
    ) as database:
        database.execute("CREATE TRIGGER no_status BEFORE INSERT ON statuses BEGIN SELECT RAISE(FAIL, 'full'); END")
        try:
            yield
        finally:
            database.execute("DROP TRIGGER no_status")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here: this needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_and_retry_goes_on_when_there_is_room(
    workspace: Workspace, settings: Settings, repository: Path, small_disk: Path
) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (508 * 1024))
    mates = crewmates(planner=ONE, coder=WORK)
    place = settings.model_copy(update={"artifacts_url": (small_disk / "artifacts").as_uri()})
    with answering(mates), open_test_office(place, workspace, mates, {}) as opened:
        delivery = opened.file(repository)
        delivery.begin()
        standing = delivery.go_on()
        assert standing.failure is not None
        assert "space" in standing.failure.message or "full" in standing.failure.message
        assert standing.failure.resumable
        assert list((small_disk / "artifacts").rglob("plan-*")) == []
        filler.unlink()
        delivery.retry()
        assert delivery.go_on().verdict == "merged"
