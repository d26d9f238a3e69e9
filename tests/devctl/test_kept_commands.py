"""The commands of kept environments, as people and programs call them."""

import json
import os
import pty
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devctl.cli import main
from tests.devctl.fleets import needs_docker
from tests.devctl.machines import remove_laid_out
from tests.devctl.programs import ROOT, machine_variables, served

Run = Callable[..., subprocess.CompletedProcess[str]]


def called(capfd: pytest.CaptureFixture[str]) -> Run:
    """Calls the program as its script does, in this process, with the variables of the moment."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        code = main(arguments)
        printed = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, code, printed.out, printed.err)

    return run


def cleaned(run: Run) -> None:
    """Remove all environments."""
    names = [one["name"] for one in json.loads(run("ls", "--all", "--json").stdout)["data"]["environments"]]
    assert not names or run("rm", *names).returncode == 0


@pytest.fixture(params=["here", "service"])
def caller(request: pytest.FixtureRequest, backend: str, database_url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of somebody who works with the fleet in the own process, and of somebody who asks a service."""
    if backend == "docker":
        needs_docker()
    variables = machine_variables(tmp_path, database_url, backend)
    if request.param == "here":
        yield variables
        remove_laid_out(Path(variables["DEVCTL_FOLDER"]))
        return
    with served(variables, tmp_path) as service:
        yield service.caller


@pytest.fixture
def devctl(caller: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Calls the program as its script does, in this process; all environments are removed at the end."""
    for name, value in caller.items():
        monkeypatch.setenv(name, value)

    run = called(capfd)
    yield run
    cleaned(run)


def test_a_folder_becomes_an_environment_and_goes_through_its_life(devctl: Run, tmp_path: Path) -> None:
    tree = tmp_path / "blog"
    tree.mkdir()
    (tree / "note").write_text("hello\n")
    up = devctl("up", str(tree), "--label", "team=a", "--env", "ONE=1", "--memory-mb", "256", "--keep", "2h")
    assert up.returncode == 0, up.stderr
    assert up.stdout.startswith("blog runs on ") and "devctl shell blog" in up.stdout
    assert "reserved blog" in up.stderr and "placed on" in up.stderr
    listed = devctl("ls").stdout.splitlines()
    assert listed[0].split()[:3] == ["NAME", "PHASE", "UP"] and "team=a" in listed[1]
    assert max(map(len, listed)) <= 100
    assert devctl("ls", "--label", "team=b").stdout == "no environments\n"
    ran = devctl("exec", "blog", "--", "sh", "-c", "cat note; echo $ONE; echo err >&2; exit 7")
    assert (ran.returncode, ran.stdout, ran.stderr) == (7, "hello\n1\n", "err\n")
    late = devctl("exec", "--seconds", "1", "blog", "sleep", "60")
    assert late.returncode == 124 and "--seconds" in late.stderr
    assert devctl("cp", "blog:note", str(tmp_path / "copy")).returncode == 0
    assert (tmp_path / "copy").read_text() == "hello\n"
    assert devctl("stop", "blog").stdout == "stopped blog\n"
    refused = devctl("exec", "blog", "true")
    assert refused.returncode == 5 and "devctl start blog" in refused.stderr
    assert devctl("start", "blog").returncode == 0
    assert devctl("snapshot", "blog", "golden").returncode == 0
    assert devctl("restore", "golden", "again").returncode == 0
    assert devctl("exec", "again", "cat", "note").stdout == "hello\n"
    assert "golden" in devctl("snapshot", "--list").stdout
    found = json.loads(devctl("inspect", "blog", "--json").stdout)
    assert (found["version"], found["data"]["phase"], found["data"]["spec"]["env"]["ONE"]) == (1, "running", "1")
    assert devctl("rm", "blog", "again").stdout == "removed blog\nremoved again\n"
    assert devctl("snapshot", "--rm", "golden").returncode == 0
    gone = devctl("inspect", "blog")
    assert gone.returncode == 6 and "devctl ls" in gone.stderr


def test_shell_has_a_terminal(devctl: Run, caller: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    assert devctl("up", str(tmp_path / "tree"), "--name", "tty").returncode == 0
    master, slave = pty.openpty()
    shell = subprocess.Popen(
        [sys.executable, "-m", "devctl.cli", "shell", "tty"], stdin=slave, stdout=slave, stderr=slave, cwd=ROOT,
        env=caller, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    os.write(master, b"echo $((6 * 7)); tty; exit 3\n")
    output = b""
    try:
        while data := os.read(master, 65_536):
            output += data
    except OSError:
        pass  # what a terminal answers when its other side is closed
    os.close(master)
    assert shell.wait(60) == 3
    assert b"42" in output


def test_port_is_reached_at_loopback(devctl: Run, caller: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "index.html").write_text("page\n")
    assert devctl("up", str(tmp_path / "tree"), "--name", "web").returncode == 0
    program = [sys.executable, "-m", "devctl.cli"]
    server = subprocess.Popen(
        [*program, "exec", "web", "python3", "-u", "-m", "http.server", "8000"],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=caller,
    )
    port = subprocess.Popen(
        [*program, "port", "web", "8000", "0", "--json"], stdout=subprocess.PIPE, cwd=ROOT, env=caller
    )
    try:
        assert server.stdout is not None and port.stdout is not None
        assert b"8000" in server.stdout.readline()
        lines: list[bytes] = []
        while not lines or lines[-1] != b"}\n":
            lines.append(port.stdout.readline())
        address = json.loads(b"".join(lines))["data"]["address"]
        with urllib.request.urlopen(f"http://{address}/", timeout=30) as answer:  # noqa: S310 - a loopback address of ours
            assert answer.read() == b"page\n"
    finally:
        for process in (port, server):
            process.terminate()
            process.communicate(timeout=30)


def test_names_options_and_sources_that_are_wrong_are_said_so(devctl: Run, tmp_path: Path) -> None:
    for arguments, code, words in (
        (("up", str(tmp_path), "--name", "Not A Name"), 1, "cannot be a name"),
        (("up", str(tmp_path), "--env", "novalue"), 2, "NAME=VALUE"),
        (("up", str(tmp_path), "--keep", "soon"), 2, "90s"),
        (("exec", "nobody", "true"), 6, "nobody"),
        (("exec", "blog", "--seconds", "3", "true"), 2, "before the name"),
        (("cp", "a", "b"), 2, "NAME:PATH"),
        (("stop",), 2, "--all"),
        (("hosts", "add", "x", "tcp://10.0.0.1:2375"), 3, "open to all"),
        (("why", "nobody"), 6, "nobody"),
        (("logs", "nobody"), 6, "nobody"),
        (("port", "nobody", "80", "0"), 6, "nobody"),
        (("restore", "nothing", "new"), 6, "nothing"),
    ):
        done = devctl(*arguments)
        assert done.returncode == code, (arguments, done.stderr)
        assert words in done.stderr


def test_commands_load_what_they_need_alone(backend: str, database_url: str, tmp_path: Path) -> None:
    if backend == "docker":
        pytest.skip("with Docker its SDK is needed")
    variables = machine_variables(tmp_path, database_url, backend)
    (tmp_path / "tree").mkdir()

    def ran(*words: str) -> set[str]:
        argv = [sys.executable, "-X", "importtime", "-m", "devctl.cli", *words]
        done = subprocess.run(argv, env=variables, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
        return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")}

    assert "psycopg" in ran("up", str(tmp_path / "tree"), "--name", "blog")
    heavy = {"docker", "requests", "psycopg_pool", "h11", "flask", "cryptography", "devctl.pool.opening"}
    try:
        for words in (("ls",), ("inspect", "blog"), ("exec", "blog", "true"), ("audit",)):
            assert not ran(*words) & heavy, words
    finally:
        ran("rm", "blog")
