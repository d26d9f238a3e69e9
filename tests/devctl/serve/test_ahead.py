"""Nothing is cloned or built for somebody who may launch no more."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl.errors import LaunchRefused
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import User
from devctl.fleet.sourcing import up_from_source
from devctl.serve.ahead import LaunchesAhead
from devctl.serve.server import Server
from devctl.settings import DevctlSettings
from devctl.sources.records import Overrides
from tests.devctl.fleets import ADA, fleet_on, folder_of, wanted
from tests.devctl.serve.services import Caller, serving, token_of
from tests.devctl.sources.folders import git, write

_SSH = """#!/bin/sh
touch "$(dirname "$0")/asked"
for last; do :; done
exec sh -c "$last"
"""
"""Takes ssh's place for git, and leaves a mark that somebody asked."""


@pytest.fixture
def ruled(database_url: str) -> Iterator[Fleet]:
    """A fleet that asks the real policy, whose free tier has two environments."""
    with fleet_on("bubblewrap", database_url, ruled=True) as fleet:
        yield fleet


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder with the ssh."""
    with tempfile.TemporaryDirectory(prefix="da", dir="/tmp") as made:
        (Path(made) / "ssh").write_text(_SSH)
        (Path(made) / "ssh").chmod(0o700)
        yield Path(made)


def repository(folder: Path) -> Path:
    """One with a Dockerfile."""
    made = write(folder / "shop", {"Dockerfile": "FROM nothing.example/none\n"})
    for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-qm", "first")):
        git(made, *words)
    return made


@pytest.fixture
def server(ruled: Fleet, folder: Path, database_url: str) -> Iterator[Server]:
    """A service whose git leaves a mark."""
    settings = DevctlSettings.from_environment(
        {"GIT_SSH_COMMAND": str(folder / "ssh")},
        folder=folder,
        database_url=database_url,
        docker_host=f"unix://{folder}/none",
    )
    with serving(ruled, settings) as running:
        yield running


def test_at_the_limit_a_source_is_refused_before_it_is_cloned(ruled: Fleet, server: Server, folder: Path) -> None:
    ada = Caller(server.url, token_of(server, ADA))
    wish = {"source": f"ssh://git@forge.example{repository(folder)}"}
    for name in ("one", "two"):
        ruled.up(ADA, wanted("bubblewrap", name))
    refused = ada("POST", "/v1/environments", wish, Prefer="wait=60")
    assert (refused.status, refused.json["kind"]) == (403, "LaunchRefused"), refused.body
    assert any("2 living" in reason for reason in refused.json["reasons"])
    assert not (folder / "asked").exists(), "nothing was cloned"
    (line,) = ada("GET", "/v1/audit?operation=create&denied=true").json["items"]
    assert not line["allowed"]
    ruled.remove(ADA, "two")
    later = ada("POST", "/v1/environments", wish, Prefer="wait=60")
    assert (folder / "asked").exists() and later.json["kind"] != "LaunchRefused", later.body


def test_too_large_a_wish_is_refused_before_it_is_cloned(server: Server, folder: Path) -> None:
    ada = Caller(server.url, token_of(server, ADA))
    wish = {"source": f"ssh://git@forge.example{repository(folder)}", "overrides": {"cpus": 3}}
    refused = ada("POST", "/v1/environments", wish, Prefer="wait=60")
    assert refused.status == 403 and any("CPU" in reason for reason in refused.json["reasons"])
    assert not (folder / "asked").exists()


def test_what_is_being_prepared_counts_until_it_is_reserved(ruled: Fleet) -> None:
    ahead = LaunchesAhead(ruled.parts.admission)
    ruled.up(ADA, wanted("bubblewrap", "one"))
    with ahead.entered(ADA, "two", None) as two:
        two.settle(wanted("bubblewrap", "two"))
        with pytest.raises(LaunchRefused, match="2 living"), ahead.entered(ADA, "three", None):
            pass
        with ahead.entered(User(name="bob", tier="free"), None, None):
            pass
    ruled.up(ADA, wanted("bubblewrap", "two"))
    ruled.remove(ADA, "one")
    with ahead.entered(ADA, "three", Overrides()), pytest.raises(LaunchRefused), ahead.entered(ADA, "four", None):
        pass


def test_however_many_ask_at_once_no_more_are_prepared_than_there_is_room_for(ruled: Fleet) -> None:
    ahead, begin, inside = LaunchesAhead(ruled.parts.admission), threading.Barrier(12), threading.Barrier(12)
    allowed: list[int] = []

    def ask(number: int) -> None:
        begin.wait(60)
        try:
            with ahead.entered(ADA, f"e{number}", None):
                allowed.append(number)
                inside.wait(60)
        except LaunchRefused:
            inside.wait(60)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(allowed) == 2


def test_the_command_line_builds_nothing_that_would_be_refused(ruled: Fleet, tmp_path: Path) -> None:
    for name in ("one", "two"):
        ruled.up(ADA, wanted("bubblewrap", name))
    source = write(tmp_path / "shop", {"Dockerfile": "FROM nothing.example/none\n"})
    settings = DevctlSettings.from_environment({}, folder=folder_of(ruled), docker_host=f"unix://{tmp_path}/none")
    told: list[str] = []
    with pytest.raises(LaunchRefused, match="2 living"):
        up_from_source(ruled, settings, ADA, str(source), progress=told.append)
    assert told == []
