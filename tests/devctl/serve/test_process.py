"""`devctl serve` as a process: what is left of it when it is told to end, and when it is killed."""

import contextlib
import json
import resource
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devctl.client import Client
from devctl.store import process_start
from devctl.tunnels import OpenTunnel
from tests.devctl.fleets import SMALL, wanted
from tests.devctl.programs import machine_variables
from tests.devctl.tunnels.people import APP

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked for in /proc")


class Running:
    """A service in a process of its own, with the token that it wrote."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process, self._folder = process, folder
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while lines[-1] not in ("}\n", ""):
            lines.append(process.stdout.readline())
        assert lines[-1], (folder / "log").read_text()
        self.url = str(json.loads("".join(lines))["data"]["url"])
        self.client = Client(self.url, (folder / "token").read_text())

    def log(self) -> str:
        """What it has said."""
        return (self._folder / "log").read_text()


@contextmanager
def process(folder: Path, variables: dict[str, str]) -> Iterator[Running]:
    """`devctl serve`; killed at the end where it still runs."""
    argv = [
        sys.executable,
        "-m",
        "devctl.cli",
        "serve",
        "--listen",
        "0",
        "--token-file",
        str(folder / "token"),
        "--json",
    ]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(argv, env=variables, stdout=subprocess.PIPE, stderr=log, text=True) as started,
    ):
        try:
            yield Running(started, folder)
        finally:
            started.kill()


@pytest.fixture
def variables(tmp_path: Path, database_url: str) -> dict[str, str]:
    """The variables of the service."""
    return machine_variables(tmp_path, database_url, "bubblewrap")


class Family:
    """A process with all that it has started, to be looked for when it has ended."""

    def __init__(self, root: int, folder: Path) -> None:
        self._folder = str(folder)
        found = {root}
        parents = {int(place.name): _parent(place) for place in Path("/proc").glob("[0-9]*")}
        while more := {one for one, parent in parents.items() if parent in found} - found:
            found |= more
        self.members = {one: process_start(one) for one in found}

    def left(self) -> list[str]:
        """Those that still run a while later, and whatever else has the test's folder on its command line."""
        deadline = time.monotonic() + 30
        while (found := self._running()) and time.monotonic() < deadline:
            time.sleep(0.1)  # who is killed with its parent ends a moment after it
        return found

    def _running(self) -> list[str]:
        alive = [one for one, start in self.members.items() if start and process_start(one) == start]
        return [
            words
            for place in Path("/proc").glob("[0-9]*")
            if (words := _words(place)) and (int(place.name) in alive or self._folder in words)
        ]


def _parent(place: Path) -> int:
    with contextlib.suppress(OSError):
        return int((place / "stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _words(place: Path) -> str:
    with contextlib.suppress(OSError):
        return (place / "cmdline").read_text().replace("\0", " ")
    return ""


def opened(running: Running, tmp_path: Path) -> OpenTunnel:
    """A tunnel to a program that runs, through which somebody has read."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "app.py").write_text(APP.read_text())
    spec = wanted("bubblewrap", "web", limits=SMALL)
    running.client.up(spec, tree=tmp_path / "tree")
    program = running.client.open_exec("web", ["python3", "-u", "app.py"])
    assert program.read() == (1, b"ready\n")
    tunnel = running.client.tunnels.open("web", 8000)
    trusting = ssl.create_default_context(cadata=running.client.tunnels.authority())
    with urllib.request.urlopen(tunnel.link, context=trusting, timeout=60) as page:  # noqa: S310 - an https link
        assert page.status == 200
    return tunnel


def ended(client: Client, tunnel: OpenTunnel) -> str:
    """Why a tunnel was closed, once it was."""
    deadline = time.monotonic() + 60
    while client.tunnels.get(tunnel.id).closed is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return client.tunnels.get(tunnel.id).why


def test_told_to_end_it_closes_its_tunnels_and_leaves_no_process(variables: dict[str, str], tmp_path: Path) -> None:
    with process(tmp_path, variables) as first:
        tunnel = opened(first, tmp_path)
        family = Family(first.process.pid, tmp_path)
        assert len(family.members) > 1, "the service and the program inside"
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(60) == 0, first.log()
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(tunnel.link, timeout=60)  # noqa: S310 - an https link
    assert not (tmp_path / "token").exists() and "Traceback" not in first.log()
    assert family.left() == []
    with process(tmp_path, variables) as second:
        assert second.client.tunnels.get(tunnel.id).why == "the service ended"
        assert second.client.get("web").phase in ("running", "stopped"), "environments outlive it"
        second.client.remove("web")
        second.process.send_signal(signal.SIGINT)
        assert second.process.wait(60) == 0, second.log()


def test_told_to_end_as_soon_as_it_says_where_it_is_it_ends_in_order(variables: dict[str, str], tmp_path: Path) -> None:
    with process(tmp_path, variables) as running:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0, running.log()
    assert not (tmp_path / "token").exists() and "Traceback" not in running.log()


def test_killed_it_tells_at_the_next_start_what_it_left_open(variables: dict[str, str], tmp_path: Path) -> None:
    with process(tmp_path, variables) as first:
        tunnel = opened(first, tmp_path)
        family = Family(first.process.pid, tmp_path)
        first.process.kill()
        first.process.wait(60)
    with process(tmp_path, variables) as second:
        assert ended(second.client, tunnel) == "its program died"
        assert f"closed the tunnel {tunnel.id}: its program died" in second.log()
        assert second.client.tunnels.list() == []
        second.client.remove("web", force=True)
        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(60) == 0, second.log()
    assert family.left() == []


def test_a_service_that_breaks_down_ends_with_its_error(variables: dict[str, str], tmp_path: Path) -> None:
    with process(tmp_path, variables) as running:
        pid = running.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, before[1]))  # more is waited for at once than it may now
        deadline = time.monotonic() + 60
        while "Invalid argument" not in running.log():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        assert running.process.wait(60) == 70
    assert "devctl serves no more: OSError" in running.log() and not (tmp_path / "token").exists()
