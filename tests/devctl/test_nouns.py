"""Decisions, stock, hosts, images, the wizard and tunnels from the command line: here and over a service alike."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.devctl.fleets import IMAGE, needs_docker
from tests.devctl.hosts.test_hosts import ENGINE
from tests.devctl.machines import remove_laid_out
from tests.devctl.programs import Served, machine_variables, served
from tests.devctl.test_kept_commands import Run, called, cleaned


@pytest.fixture(params=["here", "service"])
def devctl(
    request: pytest.FixtureRequest, backend: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Run]:  # fmt: skip
    """Calls the program at the machine, and over its service."""
    if backend == "docker":
        needs_docker()
    here = {**machine_variables(tmp_path, database_url, backend), "DEVCTL_BUILDX": "/nowhere"}
    run = called(capfd)
    if request.param == "here":
        set_all(monkeypatch, here)
        yield run
        cleaned(run)
        remove_laid_out(Path(here["DEVCTL_FOLDER"]))
        return
    with served(here, tmp_path) as service:
        set_all(monkeypatch, service.caller)
        yield run
        cleaned(run)


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def data(run: Run, *words: str, code: int = 0) -> Any:
    """What a command prints as JSON."""
    done = run(*words, "--json")
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return json.loads(done.stdout)["data"]


def test_decisions_and_what_is_open_are_listed(devctl: Run, backend: str, tmp_path: Path) -> None:
    assert devctl("audit").stdout == "nothing was decided yet\n"
    assert devctl("egress", "log").stdout == "nothing was asked for\n"
    assert devctl("tunnel", "ls").stdout == "no open tunnels\n"
    (tmp_path / "tree").mkdir()
    assert devctl("up", str(tmp_path / "tree"), "--name", "blog").returncode == 0
    (line,) = data(devctl, "audit", "--operation", "create")
    assert (line["who"], line["subject"], line["allowed"]) == ("ada", "blog", True)
    assert devctl("audit", "--who", "nobody").stdout == "nothing was decided yet\n"
    assert devctl("audit", "--since", "yesterday").returncode == 3
    why = devctl("why", "blog")
    assert why.returncode == 0 and why.stdout.startswith("blog: ")


def test_whom_to_trust_is_a_file_of_the_callers_machine(devctl: Run, backend: str) -> None:
    if backend == "docker":
        pytest.skip("the authority is the same on every backend")
    shown = data(devctl, "tunnel", "ca")
    assert Path(shown["certificate"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert "localhost" in shown["permitted"] and shown["new"] is False
    assert devctl("tunnel", "close", "t-none").returncode == 6


def test_the_stock_is_shown_sized_filled_and_drained(devctl: Run) -> None:
    assert data(devctl, "pool", "ls") == {"shapes": [], "containers": []}
    assert data(devctl, "pool", "fill") == {"done": []}
    assert data(devctl, "pool", "drain") == {"removed": 0}
    refused = devctl("pool", "size", "abcdef", "2")
    assert refused.returncode == 6 and "no shape has the key 'abcdef'" in refused.stderr


def test_hosts_are_added_drained_fetched_to_and_forgotten(devctl: Run, backend: str) -> None:
    if backend != "docker":
        assert devctl("hosts", "ls").stdout == "no hosts were added; environments run on this machine\n"
        assert devctl("hosts", "drain", "far").returncode != 0
        return
    added = data(devctl, "hosts", "add", "far", ENGINE, "--max", "3", "--label", "rack=a")
    assert (added["host"]["max_environments"], added["host"]["labels"]) == (3, {"rack": "a"})
    assert added["facts"]["cpus"] > 0
    assert data(devctl, "hosts", "drain", "far") == {"host": "far", "draining": True}
    table = devctl("hosts", "ls").stdout.splitlines()
    assert table[0].split()[:3] == ["NAME", "STATE", "ENVIRONMENTS"] and table[1].split()[:3] == [
        "far",
        "drained",
        "0/3",
    ]
    assert data(devctl, "hosts", "undrain", "far") == {"host": "far", "draining": False}
    (fetched,) = [one for one in data(devctl, "hosts", "prefetch", "--image", IMAGE) if one["host"] == "far"]
    assert (fetched["image"], fetched["how"]) == (IMAGE, "there")
    assert data(devctl, "hosts", "rm", "far") == {"removed": "far"}
    assert devctl("hosts", "add", "x", "tcp://10.0.0.1:2375").returncode == 3


def test_an_image_is_made_listed_scanned_and_removed(devctl: Run, backend: str) -> None:
    if backend != "docker":
        pytest.skip("images are made by Docker")
    tag = f"devctl-tests-{uuid.uuid4().hex[:10]}:1"
    try:
        made = data(devctl, "wizard", "--base", IMAGE, "--tag", tag, "--port", "8080")
        assert (made["owner"], made["tag"], made["base"]) == ("ada", tag, IMAGE)
        (listed,) = [one for one in data(devctl, "images", "ls") if tag in one["tags"]]
        assert (listed["id"], listed["owner"]) == (made["image_id"], "ada")
        assert tag in data(devctl, "images", "rm", tag)["removed"]
        assert devctl("images", "rm", tag).returncode == 6
    finally:
        subprocess.run(["docker", "image", "rm", "-f", tag], check=False, capture_output=True, timeout=60)


def test_an_image_is_built_of_a_folder_of_the_callers_machine(devctl: Run, backend: str, tmp_path: Path) -> None:
    if backend != "docker":
        pytest.skip("images are built by Docker")
    tag = f"devctl-tests-{uuid.uuid4().hex[:10]}:1"
    folder = tmp_path / "image"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "Dockerfile").write_text(
        f"FROM {IMAGE} AS one\nARG WHO\nCOPY word /word\nRUN echo $WHO >> /word\nFROM one\n"
    )
    (folder / "word").write_text("hello\n")
    try:
        words = ("-f", str(folder / "sub" / "Dockerfile"), "-t", tag, "--target", "one", "--arg", "WHO=ada")
        built = data(devctl, "build", str(folder), *words)
        assert tag in built["tags"] and built["method"] == "classic"
        told = devctl("build", str(folder), *words)
        assert told.returncode == 0 and "was built before" in told.stdout
        said = subprocess.run(
            ["docker", "run", "--rm", "--network=none", tag, "cat", "/word"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert said.stdout == "hello\nada\n"
        (folder / "sub" / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN exit 3\n")
        failed = devctl("build", str(folder), "-f", str(folder / "sub" / "Dockerfile"))
        assert failed.returncode == 1 and "exit 3" in failed.stderr
    finally:
        devctl("images", "rm", tag)


def test_a_dockerfile_is_printed_without_building(devctl: Run, backend: str) -> None:
    if backend == "docker":
        pytest.skip("no engine is asked")
    printed = devctl("wizard", "--base", "debian:12", "--tag", "x:1", "--apt", "git", "--print")
    assert printed.returncode == 0 and "FROM debian:12" in printed.stdout


@pytest.fixture
def far(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A service, and the variables of somebody who asks it."""
    with served(machine_variables(tmp_path, database_url, "bubblewrap"), tmp_path) as service:
        set_all(monkeypatch, service.caller)
        yield service


def test_what_the_service_says_for_itself_is_refused_with_what_to_do(
    far: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    run = called(capfd)
    listen = run("tunnel", "blog", "8000", "--listen", "0.0.0.0:4000")
    assert listen.returncode == 3 and "--tunnel-host" in listen.stderr
    for words in (("--secret", "a=b"), ("--cache", "host/x"), ("--seconds", "5"), ("--context-mb", "5")):
        built = run("build", ".", *words)
        assert built.returncode == 2 and f"{words[0]} is for builds on this machine" in built.stderr
    outside = run("build", "devctl", "-f", "pyproject.toml")
    assert outside.returncode == 2 and "lies outside" in outside.stderr
    name = run("tunnel", "ca", "--name", "box.example")
    assert name.returncode == 3 and "`devctl tunnel ca --name box.example` on its machine" in name.stderr


def test_idle_environments_are_looked_for_and_leftovers_removed(devctl: Run, backend: str, tmp_path: Path) -> None:
    assert devctl("reap", "--dry-run").stdout == "nothing runs\n"
    (tmp_path / "tree").mkdir()
    assert devctl("up", str(tmp_path / "tree"), "--name", "blog").returncode == 0
    (looked,) = data(devctl, "reap", "--once")
    assert (looked["name"], looked["owner"], looked["stopped"]) == ("blog", "ada", False)
    assert devctl("reap", "--once").stdout.startswith("left blog: ")
    assert data(devctl, "prune")["reconciled"] == []
    assert devctl("inspect", "blog").returncode == 0, "what is used stays"


def test_what_works_on_the_machine_is_said(devctl: Run, backend: str) -> None:
    found = {one["backend"]: one["usable"] for one in data(devctl, "doctor")}
    assert set(found) == {"docker", "bubblewrap", "none"} and found[backend]
    assert f"{backend}: works" in devctl("doctor").stdout
    wrong = devctl("doctor", "--image", IMAGE or "debian")
    assert wrong.returncode == 2 and "--gpu" in wrong.stderr
    if backend == "docker":
        report = data(devctl, "doctor", "--gpu")
        assert report["smoke_test"]["outcome"] in ("no gpu", "passed") and "way" in report


def test_layers_and_images_of_builds_are_swept(devctl: Run, backend: str) -> None:
    if backend != "docker":
        pytest.skip("images are built by Docker")
    assert data(devctl, "build", "gc", "--days", "3000", "--max-mb", "1e8") == {"removed": []}
    for words in (("--days", "nan"), ("--max-mb", "1e400"), ("--days", "-1")):
        assert devctl("build", "gc", *words).returncode == 2, words


def test_tokens_are_made_listed_and_taken_back(devctl: Run, backend: str) -> None:
    if backend == "docker":
        pytest.skip("tokens are the same on every backend")
    made = data(devctl, "token", "add", "bob", "--tier", "pro", "--expires", "8h", "--note", "for tests")
    assert made["secret"].startswith("dvt_") and made["token"]["user"] == "bob"
    (listed,) = [one for one in data(devctl, "token", "ls") if one["user"] == "bob"]
    assert (listed["id"], listed["tier"], listed["note"]) == (made["token"]["id"], "pro", "for tests")
    assert "secret" not in listed
    assert data(devctl, "token", "rm", listed["id"]) == {"removed": [listed["id"]]}
    again = devctl("token", "rm", listed["id"])
    assert again.returncode == 6 and listed["id"] in again.stderr
    assert devctl("token", "add", "no name").returncode == 2
    assert devctl("token", "add", "bob", "--note", "x" * 201).returncode == 2
