"""`devctl audit` as a person runs it."""

import json
import subprocess
import sys

import pytest

from devctl.admission.policy_admission import PolicyAdmission
from devctl.errors import LaunchRefused
from devctl.fleet.database import Database
from devctl.fleet.records import EnvironmentSpec, User
from policies import open_engine
from scripts.source import ROOT
from tests.conftest import clean_environment


def devctl(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "devctl.cli", *arguments],
        cwd=ROOT, env=clean_environment(DEVCTL_DATABASE_URL=url), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_denials_are_listed_with_their_reasons(database: Database, database_url: str) -> None:
    admission = PolicyAdmission(database, open_engine())
    ann = User(name="ann", tier="free")
    for name in "ab":
        admission.reserve(ann, EnvironmentSpec(name=name, image="debian:12"), 60)
    with pytest.raises(LaunchRefused):
        admission.reserve(ann, EnvironmentSpec(name="c", image="debian:12"), 60)
    shown = devctl(database_url, "audit", "--denied", "--since", "1h")
    assert shown.returncode == 0, shown.stderr
    assert "ann" in shown.stdout
    assert "    ann has 2 living environments, and 2 is the limit of the tier free" in shown.stdout
    told = json.loads(devctl(database_url, "audit", "--who", "ann", "--json").stdout)
    assert [line["allowed"] for line in told["data"]] == [True, True, False]


def test_time_that_is_none_is_refused_with_a_hint(database_url: str) -> None:
    refused = devctl(database_url, "audit", "--since", "yesterday")
    assert refused.returncode == 3
    assert "write it as 90s, 30m, 8h" in refused.stderr


def test_nothing_decided_is_said_so(database_url: str) -> None:
    assert devctl(database_url, "audit").stdout == "nothing was decided yet\n"
