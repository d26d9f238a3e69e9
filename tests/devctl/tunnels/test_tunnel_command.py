"""`devctl tunnel`, as people call it from two terminals."""

import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.devctl.programs import machine_variables, served


@pytest.fixture(params=["here", "service"])
def variables(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Of somebody at the machine, and of somebody who asks a service."""
    here = machine_variables(tmp_path, database_url, "bubblewrap")
    if request.param == "here":
        yield here
        return
    with served(here, tmp_path) as service:
        yield service.caller


def test_a_tunnel_lives_as_its_command_does_and_is_closed_from_another(
    variables: dict[str, str], tmp_path: Path
) -> None:

    def devctl(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "devctl.cli", *arguments]

    def ran(*arguments: str) -> str:
        done = subprocess.run(devctl(*arguments), env=variables, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "index.html").write_text("page\n")
    up = ("up", str(tmp_path / "tree"), "--name", "web", "--memory-mb", "256")
    ran(*up)
    serving = ("exec", "web", "python3", "-u", "-m", "http.server", "8000")
    tunnel = ("tunnel", "web", "8000", "--ttl", "1h", "--json")
    with (
        subprocess.Popen(devctl(*serving), env=variables, stdout=subprocess.PIPE, text=True) as program,
        subprocess.Popen(
            devctl(*tunnel), env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as link,
    ):
        try:
            assert program.stdout is not None and "8000" in program.stdout.readline()
            assert link.stdout is not None and link.stderr is not None
            lines = [link.stdout.readline()]
            while lines[-1] not in ("}\n", ""):
                lines.append(link.stdout.readline())
            shown = json.loads("".join(lines))["data"]
            trusting = ssl.create_default_context(cafile=ran("tunnel", "ca").splitlines()[0])
            with urllib.request.urlopen(shown["link"], context=trusting, timeout=60) as page:  # noqa: S310 - an https link
                assert page.read() == b"page\n"
            listed = ran("tunnel", "ls")
            assert shown["id"] in listed and "token" not in listed
            ran("tunnel", "close", shown["id"])
            assert link.wait(60) == 0 and "closed by ada" in link.stderr.read()
            assert ran("tunnel", "ls") == "no open tunnels\n"
        finally:
            link.kill()
            program.terminate()
            ran("rm", "web", "--force")
