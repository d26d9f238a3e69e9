"""Trees that were sent: they wait for their launch, and stay as long as it goes on."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devctl.errors import LaunchFailed, NoSuchResource
from devctl.serve.uploads import KEPT_SECONDS, Uploads
from devctl.settings import DevctlSettings
from tests.devctl.fleets import ADA, fleet_on, wanted
from tests.devctl.serve.services import Caller, serving, token_of
from tests.devctl.serve.test_environments import archive


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    """A folder of uploads."""
    return Uploads(tmp_path)


def sent(uploads: Uploads) -> str:
    """The id of an upload with one file."""
    return uploads.add(ADA, iter([archive({"note": b"hello"})]), 1).id


def grown_old(place: Path) -> Path:
    """An upload whose hour is over."""
    past = place.stat().st_mtime - KEPT_SECONDS - 1
    os.utime(place, (past, past))
    return place


def test_an_upload_is_swept_when_its_hour_is_over_but_not_under_a_launch(uploads: Uploads) -> None:
    old, young = sent(uploads), sent(uploads)
    grown_old(uploads.find(ADA, old))
    uploads.sweep()
    with pytest.raises(NoSuchResource, match=old), uploads.used(ADA, old):
        pytest.fail("it was swept")
    with uploads.used(ADA, young) as tree:
        grown_old(tree)
        uploads.sweep()
        assert (tree / "note").read_bytes() == b"hello"


def test_an_upload_goes_with_its_last_launch_and_stays_after_one_that_failed(uploads: Uploads) -> None:
    upload = sent(uploads)
    with pytest.raises(LaunchFailed), uploads.used(ADA, upload) as tree:
        grown_old(tree)
        raise LaunchFailed("no", "try again")
    uploads.sweep()  # its hour begins again
    with uploads.used(ADA, upload) as tree:
        with uploads.used(ADA, upload):
            pass
        assert (tree / "note").is_file(), "another launch has ended, this one has not"
    with pytest.raises(NoSuchResource):
        uploads.find(ADA, upload)


def test_a_launch_that_takes_longer_than_an_hour_keeps_its_tree(devctl_database: str) -> None:
    waits = {"argv": ["sh", "-c", "touch begun; until [ -e note.read ]; do sleep 0.05; done"]}
    with (
        tempfile.TemporaryDirectory(prefix="ds", dir="/tmp") as folder,
        fleet_on("bubblewrap", devctl_database) as fleet,
    ):
        settings = DevctlSettings.from_environment({}, folder=Path(folder), database_url=devctl_database)
        with serving(fleet, settings, sample_seconds=3_600) as server:
            ada, inside = Caller(server.url, token_of(server, ADA)), server.service
            sent = ada("POST", "/v1/uploads", archive({"note": b"hello"}), Content_Type="application/x-tar")
            spec = wanted("bubblewrap", "long", lifecycle={"on_create": [[waits]]}).model_dump(mode="json")
            begun = ada("POST", "/v1/environments", {"spec": spec, "tree": sent.json["id"]})
            until(lambda: [one.phase for one in fleet.list(ADA)] == ["running"])
            until(lambda: fleet.exec(ADA, "long", ["cat", "begun"]).exit_code == 0)
            grown_old(inside.uploads.find(ADA, sent.json["id"]))
            inside.uploads.sweep()
            assert inside.uploads.find(ADA, sent.json["id"]).is_dir()
            fleet.exec(ADA, "long", ["mv", "note", "note.read"])
            ended = inside.operations.wait(ADA, begun.json["id"], 60)
            assert (ended.state, ended.error) == ("done", None)
            until(lambda: not list((Path(folder) / "serve" / "uploads").glob("*/u-*")))


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
