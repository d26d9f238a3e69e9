"""docker-compose.yml with a wrong value: refused in one line that names it, and nothing stays behind."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.source import ROOT

COMPOSE = os.environ.get("ROADCREW_TEST_COMPOSE", "")
pytestmark = [
    pytest.mark.skipif(not COMPOSE, reason="scripts/ci-services did not set ROADCREW_TEST_COMPOSE"),
    pytest.mark.timeout(300),
]
needs_engine = pytest.mark.skipif(
    not (os.environ.get("DOCKER") and os.environ.get("ROADCREW_TEST_IMAGE")),
    reason="scripts/ci-services did not set DOCKER and ROADCREW_TEST_IMAGE",
)
VALUES = {"ROADCREW_MODEL": "some-model", "ROADCREW_PORT": "0"}


def compose(*arguments: str, **values: str) -> subprocess.CompletedProcess[str]:
    """Run Compose over the file that people use, with these values and no others."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [COMPOSE, "--env-file", "/dev/null", "-f", "docker-compose.yml", *arguments],
        cwd=ROOT, env=environment | VALUES | values, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def test_right_values_are_taken() -> None:
    """The control."""
    done = compose("config")
    assert done.returncode == 0, done.stderr
    assert re.search(r"host_ip: 127\.0\.0\.1\s+target: 8080\s+published: \"0\"", done.stdout)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ROADCREW_MODEL": ""}, "set ROADCREW_MODEL in .env"),
        ({"ROADCREW_PORT": "web"}, "invalid hostPort: web"),
        ({"ROADCREW_PORT": "99999"}, "invalid hostPort: 99999"),
        ({"ROADCREW_PORT": "0.0.0.0:8080"}, "invalid IP address: 127.0.0.1:0.0.0.0"),
    ],
)
def test_wrong_value_is_named(values: dict[str, str], said: str) -> None:
    done = compose("config", **values)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Iterator[str]:
    """A project of its own, of which nothing may be left."""
    name = f"rcm{uuid.uuid4().hex[:8]}"
    subprocess.run([ROOT / "ops" / "make-secrets", tmp_path / "secrets"], check=True, capture_output=True, timeout=60)
    (tmp_path / "image.yml").write_text(
        "services:\n"
        + "".join(
            f"  {service}: {{image: {os.environ['ROADCREW_TEST_IMAGE']}, pull_policy: never, command: [sleep, '60']}}\n"
            for service in ("postgres", "api")
        )
    )
    yield name
    label = f"label=com.docker.compose.project={name}"
    for listing in (["ps", "-aq"], ["volume", "ls", "-q"], ["network", "ls", "-q"]):
        left = subprocess.run(["docker", *listing, "--filter", label], capture_output=True, text=True, check=True)
        assert left.stdout == ""


def refused_start(project: str, folder: Path, service: str, **values: str) -> str:
    """Start one service, expect that it does not start, remove all, and return what was said."""
    these = ("-f", str(folder / "image.yml"), "-p", project)
    values = {"ROADCREW_SECRETS": str(folder / "secrets"), **values}
    try:
        done = compose(*these, "up", "--detach", "--no-build", "--no-deps", service, **values)
    finally:
        removed = compose(*these, "down", "--volumes", "--timeout", "1", **values)
    assert removed.returncode == 0, removed.stderr
    assert done.returncode != 0, done.stdout + done.stderr
    return done.stderr


@needs_engine
def test_missing_secret_is_named(project: str, tmp_path: Path) -> None:
    (tmp_path / "secrets" / "postgres_password").unlink()
    said = refused_start(project, tmp_path, "postgres")
    assert f"does not exist: {tmp_path}/secrets/postgres_password" in said
    assert not (tmp_path / "secrets" / "postgres_password").exists(), "no folder is made in the file's place"


@needs_engine
def test_taken_port_is_named(project: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused_start(project, tmp_path, "api", ROADCREW_PORT=str(port))
    assert re.search(rf"127\.0\.0\.1:{port}.*(address already in use|already allocated)", said)
