"""An engine whose disk is full: launches, builds and snapshots say so, and leave nothing on it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from devctl.builder import BuildOptions, open_builder
from devctl.errors import BuildFailed, LaunchFailed
from devctl.fleet.fleet import Fleet
from devctl.settings import DevctlSettings
from devctl.sources.records import BuildPlan
from tests.devctl.engines import SMALL_IMAGE, SmallEngine, small_engine
from tests.devctl.fleets import ADA, fleet_on, folder_of, wanted

_TAG = "devctl-tests-full:1"


class Held(NamedTuple):
    """What an engine has."""

    images: tuple[str, ...]
    containers: tuple[str, ...]
    volumes: tuple[str, ...]


@pytest.fixture(scope="module")
def engine() -> Iterator[SmallEngine]:
    with small_engine(megabytes=96) as started:
        yield started


@pytest.fixture
def full(engine: SmallEngine, database_url: str) -> Iterator[Fleet]:
    """A fleet on it; the disk has room until a test fills it."""
    try:
        with fleet_on(
            "docker", database_url, docker_host=engine.address, docker_image=SMALL_IMAGE, search_path="/nowhere"
        ) as fleet:
            yield fleet
            engine.fill(None)
    finally:
        engine.fill(None)


def held(engine: SmallEngine) -> Held:
    def listed(*words: str) -> tuple[str, ...]:
        argv = ["docker", "-H", engine.address, *words]
        return tuple(
            sorted(subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout.split())
        )

    return Held(listed("images", "-aq"), listed("ps", "-aq"), listed("volume", "ls", "-q"))


def test_launch_says_so_and_leaves_nothing(engine: SmallEngine, full: Fleet) -> None:
    before = held(engine)
    engine.fill(0)
    with pytest.raises(LaunchFailed, match="(?i)no space left") as raised:
        full.up(ADA, wanted("docker", "blog", image=SMALL_IMAGE))
    assert "make room" in raised.value.hint
    assert (full.get(ADA, "blog").phase, held(engine)) == ("failed", before)
    engine.fill(None)
    assert full.up(ADA, wanted("docker", "blog", image=SMALL_IMAGE)).phase == "running", "the name is free again"


def test_snapshot_says_so_and_leaves_nothing(engine: SmallEngine, full: Fleet) -> None:
    full.up(ADA, wanted("docker", "blog", image=SMALL_IMAGE))
    full.exec(ADA, "blog", ["sh", "-c", "head -c 12000000 /dev/zero >/tmp/big; head -c 12000000 /dev/zero >big"])
    before = held(engine)
    engine.fill(4)
    with pytest.raises(LaunchFailed, match="(?i)no space left") as raised:
        full.snapshot(ADA, "blog", "golden")
    assert "make room" in raised.value.hint
    assert full.snapshots(ADA) == [] and held(engine) == before
    assert full.exec(ADA, "blog", ["sh", "-c", "echo here"]).output == "here\n"
    engine.fill(None)
    assert full.snapshot(ADA, "blog", "golden").tag == "golden", "the tag is free again"


def test_build_says_so_and_leaves_nothing(engine: SmallEngine, full: Fleet, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {SMALL_IMAGE}\nCOPY big /big\nRUN head -c 9000000 /dev/zero >/more\n")
    (tmp_path / "big").write_bytes(b"x" * 9_000_000)
    plan = BuildPlan(context=tmp_path, dockerfile=tmp_path / "Dockerfile")
    settings = DevctlSettings.from_environment(
        {}, folder=folder_of(full), docker_host=engine.address, search_path="/nowhere"
    )
    before = held(engine)
    engine.fill(12)
    with open_builder(settings) as builder:
        with pytest.raises(BuildFailed, match="(?i)no space left") as raised:
            builder.build(plan, options=BuildOptions(tag=_TAG))
        assert "make room" in raised.value.hint
        assert held(engine) == before
        engine.fill(None)
        assert _TAG in builder.build(plan, options=BuildOptions(tag=_TAG)).tags
        builder.remove(_TAG)
    assert held(engine) == before
