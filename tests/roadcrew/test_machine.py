"""Probes of the machine: what they find, with why and fix."""

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from roadcrew import machine
from roadcrew.settings import read_settings


class Models(BaseHTTPRequestHandler):
    """An endpoint that knows one key."""

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == "Bearer right" and self.path == "/v1/models"
        self.send_response(200 if known else 401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on the terminal."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Models) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def model_finding(folder: Path, **environment: str) -> tuple[str, str]:
    settings = read_settings(folder=folder, environment=environment)
    finding = machine.model_endpoint(settings)
    assert finding.state == "ok" or finding.fix
    return finding.state, finding.detail


def test_endpoint_that_answers_is_ok(endpoint: str, tmp_path: Path) -> None:
    found = model_finding(tmp_path, OPENAI_BASE_URL=endpoint, OPENAI_API_KEY="right", ROADCREW_MODEL="m")
    assert found == ("ok", f"m at {endpoint} (answers 200)")


def test_endpoint_that_refuses_the_key_is_missing(endpoint: str, tmp_path: Path) -> None:
    found = model_finding(tmp_path, OPENAI_BASE_URL=endpoint, OPENAI_API_KEY="wrong", ROADCREW_MODEL="m")
    assert found == ("missing", f"{endpoint} refuses the key (401)")


def test_endpoint_that_is_down_is_missing(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"
        settings = read_settings(folder=tmp_path, environment={"OPENAI_BASE_URL": url, "ROADCREW_MODEL": "m"})
        finding = machine.model_endpoint(settings)
    assert finding.state == "missing"
    assert f"{url} does not answer" in finding.detail


def test_no_model_is_a_warning(tmp_path: Path) -> None:
    assert model_finding(tmp_path) == ("warning", "none is set")
    assert model_finding(tmp_path, OPENAI_API_KEY="k") == ("warning", "no model is named")


@pytest.mark.parametrize(("said", "state"), [("git version 2.38.0", "ok"), ("git version 2.37.9", "missing")])
def test_git_is_judged_by_its_version(said: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = tmp_path / "git"
    git.write_text(f"#!/bin/sh\necho {said}\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert machine.git_version().state == state


def test_disk_is_judged_where_the_workspace_will_be(tmp_path: Path) -> None:
    finding = machine.disk(tmp_path / "not" / "yet")
    assert str(tmp_path / "not" / "yet") in finding.detail


def test_silent_docker_socket_is_a_warning(tmp_path: Path) -> None:
    finding = machine.docker_engine(f"unix://{tmp_path}/none.sock")
    assert finding.state == "warning"
    assert f"nothing answers at {tmp_path}/none.sock" in finding.detail


def test_without_any_sandbox_the_work_cannot_be_done() -> None:
    absent = machine.Finding(name="x", state="warning", detail="no")
    present = machine.Finding(name="y", state="ok", detail="yes")
    assert [finding.state for finding in machine.sandboxes(absent, absent)] == [
        "warning",
        "warning",
        "missing",
    ]
    assert [finding.state for finding in machine.sandboxes(absent, present)] == ["warning", "ok"]
