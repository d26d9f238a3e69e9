"""Whose image may be launched by whom, on a real engine and by the real policy."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from devctl.admission.audit import AuditFilter, read
from devctl.admission.owners import ImageOwners
from devctl.errors import LaunchRefused
from devctl.fleet.database import Database
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import User
from tests.devctl.fleets import IMAGE, ROOT, containers, fleet_on, needs_docker, wanted

_RUN = uuid.uuid4().hex[:8]
ANN, BEN = User(name=f"ann-{_RUN}", tier="owner"), User(name=f"ben-{_RUN}", tier="owner")


class Made(NamedTuple):
    """An image that was made for Ann, by its names."""

    id: str
    tag: str
    """In Ann's own part of the names."""
    plain: str
    """One that tells nothing."""


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Ann's image."""
    needs_docker()
    tag, plain = f"devctl-user/{ANN.name}/tools:1", f"devctl-tests-{_RUN}:1"
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nLABEL devctl.owner={ANN.name}\n")
    built = ["docker", "build", "-q", "--network=none", "-t", tag, "-t", plain, str(tmp_path)]
    done = subprocess.run(built, check=True, capture_output=True, text=True, timeout=300)
    try:
        yield Made(done.stdout.strip(), tag, plain)
    finally:
        subprocess.run(["docker", "rmi", tag, plain], check=True, capture_output=True, timeout=60)


@pytest.fixture
def ruled(made: Made, database_url: str) -> Iterator[Fleet]:
    """A fleet that asks the policy."""
    with fleet_on("docker", database_url, ruled=True) as fleet:
        yield fleet


def test_somebody_elses_image_is_refused_under_every_name(made: Made, ruled: Fleet) -> None:
    short = made.id.removeprefix("sha256:")[:12]
    for name in (made.tag, f"docker.io/{made.tag}", made.plain, short):
        with pytest.raises(LaunchRefused, match=f"belongs to {ANN.name}"):
            ruled.up(BEN, wanted("docker", "mine", image=name))
    assert containers(ruled) == []
    assert [(one.phase, "belongs to" in one.why) for one in ruled.list(BEN)] == [("failed", True)]
    denied = read(ruled.parts.database, AuditFilter(who=BEN.name, denied=True))
    assert [one.rules for one in denied] == [("image_owner",)] * 4


def test_owner_and_admin_run_it(made: Made, ruled: Fleet) -> None:
    ruled.up(ANN, wanted("docker", "own", image=made.plain))
    ruled.up(ROOT, wanted("docker", "look", image=made.tag))
    assert {one.phase for one in ruled.list(ROOT, all_users=True)} == {"running"}


def test_snapshot_is_its_makers(ruled: Fleet) -> None:
    ruled.up(ANN, wanted("docker", "first"))
    image = ruled.snapshot(ANN, "first", "golden").image
    with pytest.raises(LaunchRefused, match=f"belongs to {ANN.name}"):
        ruled.up(BEN, wanted("docker", "copy", image=image))
    assert ruled.up(ANN, wanted("docker", "copy", image=image)).phase == "running"


def test_image_that_the_data_share_is_everybodys(made: Made, database_url: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "data.yaml").write_text(f"devctl_data:\n  shared_images: ['devctl-user/{ANN.name}/*']\n")
    with fleet_on("docker", database_url, ruled=True, policy_rules=rules) as fleet:
        assert fleet.up(BEN, wanted("docker", "shared", image=made.tag)).phase == "running"


def test_owner_is_told_by_the_name_then_by_the_engine(database: Database) -> None:
    owners = ImageOwners(database)
    for image in ("devctl-user/ann/x", "docker.io/devctl-user/ann/x:2", "devctl-user/ann/x@sha256:" + "0" * 64):
        assert owners.owner(image, "ben", {"devctl.owner": "ben"}) == "ann"
    assert owners.owner("debian:12", "ben") == "" and owners.owner("debian:12", "ben", {"devctl.owner": "ann"}) == "ann"
    build = "devctl-build:" + "0" * 32
    assert owners.owner(build, "ben", {"devctl.owner": "ann"}) == "", "who knows the digest can build the same"
    made = "INSERT INTO custom_image (owner, tag, digest_tag, image_id, build_time, base, packages, dockerfile)"
    for owner in ("ann", "eve"):
        database.rows(f"{made} VALUES (%s, 'tools:latest', 'd', 'i', now(), 'b', '{{}}', '') RETURNING tag", owner)
    assert [owners.owner(name, "eve") for name in ("tools", "tools:latest", "tools:2")] == ["eve", "eve", ""]
    assert owners.owner("docker.io/library/tools", "ben") == "ann"
