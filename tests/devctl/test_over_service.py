"""The command line against a service of its own process, where it differs from work on the own machine."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl.cli import COMMANDS
from tests.devctl.certificates import write_certificates
from tests.devctl.fleets import IMAGE, needs_docker
from tests.devctl.programs import ROOT, Served, machine_variables, served
from tests.devctl.test_kept_commands import Run, called, cleaned

ANYWHERE = {
    *("top", "up", "ls", "inspect", "exec", "shell", "logs", "cp", "port", "start", "stop", "pause", "rm", "keep"),
    *("snapshot", "restore", "why", "tunnel", "audit", "egress", "pool", "hosts", "images", "wizard", "scan", "build"),
    *("reap", "prune", "doctor", "token"),
}
"""What speaks to the service."""
FILES_ONLY = {"run", "tasks", "devcontainer"}
"""What works on the caller's own files, service or not."""
HERE = {
    "open": ("open", "x"), "ssh-config": ("ssh-config", "x"), "ssh-proxy": ("ssh-proxy", "x"), "serve": ("serve",),
}  # fmt: skip


@pytest.fixture
def machine(backend: str, database_url: str, tmp_path: Path) -> dict[str, str]:
    """Variables of the service's machine."""
    if backend == "docker":
        needs_docker()
    return machine_variables(tmp_path, database_url, backend)


@pytest.fixture
def service(machine: dict[str, str], tmp_path: Path) -> Iterator[Served]:
    """A service."""
    with served(machine, tmp_path) as running:
        yield running


@pytest.fixture
def devctl(service: Served, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Calls the program as somebody of another machine."""
    for name, value in service.caller.items():
        monkeypatch.setenv(name, value)
    run = called(capfd)
    yield run
    cleaned(run)


def test_both_ways_show_the_same(
    devctl: Run, machine: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tree").mkdir()
    made = devctl("up", str(tmp_path / "tree"), "--name", "blog", "--label", "a=b", "--keep", "3h", "--json")
    assert made.returncode == 0, made.stderr
    assert devctl("stop", "blog").returncode == 0
    remote = {words: json.loads(devctl(*words, "--json").stdout) for words in (("inspect", "blog"), ("ls",))}
    remote_why = json.loads(devctl("why", "blog", "--json").stdout)["data"]
    remote_error = json.loads(devctl("exec", "--json", "blog", "true").stderr or "null")
    refused = devctl("inspect", "nobody", "--json")
    monkeypatch.delenv("DEVCTL_URL")
    for name, value in machine.items():
        monkeypatch.setenv(name, value)
    assert {words: json.loads(devctl(*words, "--json").stdout) for words in remote} == remote
    assert json.loads(made.stdout)["data"]["spec"]["source"] == str(tmp_path / "tree")
    here_why = json.loads(devctl("why", "blog", "--json").stdout)["data"]
    assert {**here_why, "next_pass": None} == {**remote_why, "next_pass": None}
    assert json.loads(devctl("exec", "--json", "blog", "true").stderr or "null") == remote_error
    again = devctl("inspect", "nobody", "--json")
    assert (again.returncode, json.loads(again.stderr)) == (refused.returncode, json.loads(refused.stderr))


def test_secrets_and_sources_of_the_caller_are_sent(devctl: Run, backend: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret")
    tree = tmp_path / "shop"
    (tree / ".devcontainer").mkdir(parents=True)
    wish = {"postCreateCommand": "echo made >made", "postAttachCommand": "echo attached >>made"}
    (tree / ".devcontainer" / "devcontainer.json").write_text(json.dumps(wish))
    config = tree / ".devcontainer" / "devcontainer.json"
    process = ("--", "sleep", "1000") if backend == "docker" else ()
    done = devctl("up", str(config), "--secret", f"key={tmp_path / 'key'}", *process)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("shop runs on ") and str(config) in done.stdout
    read = devctl("exec", "shop", "--", "sh", "-c", "cat /run/secrets/key made")
    assert read.stdout == "s3cretmade\n", read.stderr
    shell = subprocess.run(
        [sys.executable, "-m", "devctl.cli", "shell", "shop"], input=b"cat made; exit 4\n", capture_output=True,
        cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert (shell.returncode, shell.stdout) == (4, b"made\nattached\n"), shell.stderr


def test_a_local_repository_is_cloned_by_the_caller(devctl: Run, tmp_path: Path) -> None:
    for words in (
        ("init", "-q", "-b", "main", "work"),
        (
            "-C",
            "work",
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b.example",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "one",
        ),
        ("clone", "-q", "--bare", "work", "shop.git"),
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    done = devctl("up", str(tmp_path / "shop.git"))
    assert done.returncode == 0, done.stderr
    assert devctl("exec", "shop", "test", "-d", ".git").returncode == 0
    assert not list((tmp_path / "c").glob("clone-*")), "the clone was left"


def test_a_wrong_file_is_named_as_its_sender_does(devctl: Run, tmp_path: Path) -> None:
    tree = tmp_path / "shop"
    tree.mkdir()
    (tree / ".devcontainer.json").write_text('{"image": }')
    done = devctl("up", str(tree))
    assert done.returncode == 1 and ".devcontainer.json" in done.stderr
    assert "uploads" not in done.stderr and str(tmp_path / "d") not in done.stderr


def test_an_image_is_built_where_the_service_is(devctl: Run, backend: str, tmp_path: Path) -> None:
    if backend != "docker":
        pytest.skip("images are built by Docker")
    tree = tmp_path / "built"
    tree.mkdir()
    (tree / "note").write_text("here\n")
    (tree / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY nothing /etc/built\n")
    wrong = devctl("up", str(tree / "Dockerfile"), "--name", "built")
    assert wrong.returncode == 1 and "Dockerfile" in wrong.stderr and "uploads" not in wrong.stderr
    (tree / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY note /etc/built\n")
    done = devctl("up", str(tree / "Dockerfile"), "--name", "built")
    assert done.returncode == 0, done.stderr
    image = json.loads(devctl("inspect", "built", "--json").stdout)["data"]["spec"]["image"]
    try:
        assert devctl("exec", "built", "cat", "/etc/built").stdout == "here\n"
        assert devctl("rm", "built").returncode == 0
    finally:
        subprocess.run(["docker", "image", "rm", "-f", image], check=True, capture_output=True, timeout=60)


def test_input_that_nobody_reads_does_not_break_a_command(devctl: Run, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    assert devctl("up", str(tmp_path / "tree"), "--name", "pipe").returncode == 0
    argv = [sys.executable, "-m", "devctl.cli", "exec", "-i", "pipe", "sh", "-c", "read x; echo got $x; exit 6"]
    done = subprocess.run(argv, input=b"one\n" + b"x" * 3_000_000, capture_output=True, cwd=ROOT, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (6, b"got one\n", b"")


def test_stop_all_and_top_are_of_the_service(devctl: Run, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    for name in ("one", "two"):
        assert devctl("up", str(tmp_path / "tree"), "--name", name).returncode == 0
    table = devctl("top", "--once")
    assert table.returncode == 0 and [line.split()[:2] for line in table.stdout.splitlines()[1:]] == [
        ["one", "running"], ["two", "running"],
    ]  # fmt: skip
    assert devctl("stop", "--all").stdout == "stopped one\nstopped two\n"
    refused = devctl("ls", "--sandboxes")
    assert refused.returncode == 3 and "ls --sandboxes" in refused.stderr


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Calls the program with a service that is not there."""
    for name in [name for name in os.environ if name.startswith("DEVCTL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DEVCTL_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DEVCTL_TOKEN", "dvt_1_1")
    monkeypatch.setenv("DEVCTL_FOLDER", str(tmp_path / "d"))
    return called(capfd)


def test_every_command_is_of_the_service_or_says_that_it_is_not(far: Run, tmp_path: Path) -> None:
    assert {name for section in COMMANDS.values() for name in section} == ANYWHERE | FILES_ONLY | set(HERE)
    for words in HERE.values():
        done = far(*words)
        assert done.returncode == 3, (words, done.stdout, done.stderr)
        assert f"devctl {words[0]}" in done.stderr and "DEVCTL_URL" in done.stderr
    assert "devctl tunnel x PORT" in far("open", "x").stderr
    assert not (tmp_path / "d" / "state").exists(), "a database was started"
    backend = far("--backend", "docker", "ls")
    assert backend.returncode == 2 and "DEVCTL_URL" in backend.stderr


def test_a_service_looks_for_idle_environments_by_itself(far: Run) -> None:
    asked = far("reap")
    assert asked.returncode == 2 and "devctl reap --once" in asked.stderr
    for words in (("reap", "--once"), ("prune",), ("doctor",), ("doctor", "--gpu"), ("build", "gc"), ("token", "ls")):
        away = far(*words)
        assert away.returncode == 4 and "no service answers" in away.stderr, (words, away.stderr)


def test_a_service_that_is_away_and_tokens_that_are_wrong_have_their_codes(
    far: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = far("ls", "--json")
    assert away.returncode == 4 and json.loads(away.stderr)["error"]["kind"] == "ServiceUnreachable"
    for address in ("http://devctl.example:7070", "http://10.1.2.3", "http://[2001:db8::1]:7070"):
        monkeypatch.setenv("DEVCTL_URL", address)
        open_text = far("ls")
        assert open_text.returncode == 3 and "unencrypted" in open_text.stderr and "dvt_1" not in open_text.stderr
    monkeypatch.setenv("DEVCTL_URL", "https://127.0.0.1:9")
    monkeypatch.setenv("DEVCTL_CA", str(tmp_path / "no.pem"))
    assert far("ls").returncode == 3
    monkeypatch.delenv("DEVCTL_CA")
    monkeypatch.delenv("DEVCTL_TOKEN")
    assert far("ls").returncode == 3
    monkeypatch.setenv("DEVCTL_TOKEN_FILE", str(tmp_path / "token"))
    assert "token" in far("ls").stderr
    (tmp_path / "token").write_text("\n")
    assert far("ls").returncode == 3


def test_a_token_that_is_not_known_is_refused(service: Served, devctl: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVCTL_TOKEN", "dvt_1_1")
    assert devctl("ls").returncode == 5
    monkeypatch.delenv("DEVCTL_TOKEN")


def test_everything_goes_under_tls_too(
    machine: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    keys = tmp_path / "keys"
    write_certificates(keys)
    options = ("--tls-certificate", str(keys / "server.pem"), "--tls-key", str(keys / "server-key.pem"))
    with served(machine, tmp_path, *options) as service:
        for name, value in service.caller.items():
            monkeypatch.setenv(name, value)
        devctl = called(capfd)
        (tmp_path / "tree").mkdir()
        (tmp_path / "tree" / "note").write_text("hello\n")
        untrusted = devctl("ls")
        assert untrusted.returncode == 4 and "DEVCTL_CA" in untrusted.stderr
        monkeypatch.setenv("DEVCTL_CA", str(keys / "ca.pem"))
        assert devctl("up", str(tmp_path / "tree"), "--name", "blog").returncode == 0
        try:
            argv = [
                sys.executable,
                "-m",
                "devctl.cli",
                "exec",
                "-i",
                "blog",
                "sh",
                "-c",
                "cat note -; echo end >&2; exit 9",
            ]
            done = subprocess.run(argv, input=b"x" * 400_000, capture_output=True, cwd=ROOT, timeout=120)
            assert (done.returncode, done.stderr) == (9, b"end\n") and done.stdout == b"hello\n" + b"x" * 400_000
            assert devctl("cp", "blog:note", str(tmp_path / "copy")).returncode == 0
            assert (tmp_path / "copy").read_text() == "hello\n"
        finally:
            cleaned(devctl)
