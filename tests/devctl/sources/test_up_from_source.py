"""From a git address with a devcontainer.json to an environment that runs, and its commands."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl.fleet.fleet import Fleet
from devctl.fleet.lifecycle import Lines
from devctl.fleet.records import Lifecycle, LifecycleCommand
from devctl.fleet.sourcing import up_from_source
from devctl.settings import DevctlSettings
from devctl.sources import Overrides
from tests.devctl.fleets import ADA, IMAGE, needs_docker, wanted
from tests.devctl.sources.folders import git, write

SMALL = Overrides(cpus=1, memory_mb=256, disk_mb=64)


@pytest.fixture
def mark() -> Iterator[str]:
    """A label's value; the images that have it are removed after the test."""
    needs_docker()
    mark = uuid.uuid4().hex
    yield mark
    argv = ["docker", "images", "--filter", f"label=mark={mark}", "--format", "{{.Repository}}:{{.Tag}}"]
    tags = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert len(tags) == 2, "one with the source's Dockerfile, one with its feature"
    for tag in tags:  # the newest first, so that none is left as the nameless base of another
        subprocess.run(["docker", "rmi", tag], capture_output=True, check=True)


def repository(folder: Path, mark: str) -> Path:
    config = {
        "build": {"dockerfile": "Dockerfile", "args": {"WORD": "built"}},
        "features": {"./greeter": {"greeting": "it's fine"}},
        "containerEnv": {"STAGE": "dev"},
        "remoteEnv": {"PATH": "${containerEnv:PATH}:/opt/mine", "HELLO": "${containerEnv:FEATURE}"},
        "workspaceFolder": "/src/shop",
        "onCreateCommand": "pwd >>told; cat hello.txt",
        "postCreateCommand": {"one": "echo 1 >one", "two": ["sh", "-c", "echo 2 >two"]},
        "postStartCommand": "echo started >>starts",
        "postAttachCommand": "echo attached >>attaches",
    }
    feature = {
        "id": "greeter", "version": "1.0.0", "containerEnv": {"FEATURE": "there"},
        "options": {"greeting": {"type": "string", "default": "hello"}}, "postCreateCommand": "cat /etc/greeting >greeted",
    }  # fmt: skip
    install = '#!/bin/sh\nset -e\nprintf "%s for %s" "$GREETING" "$_REMOTE_USER" >/etc/greeting\n'
    write(
        folder,
        {
            "hello.txt": "hello\n",
            ".devcontainer/devcontainer.json": config,
            ".devcontainer/Dockerfile": f"FROM {IMAGE}\nLABEL mark={mark}\nARG WORD\nRUN echo $WORD >/etc/word\n",
            ".devcontainer/greeter/devcontainer-feature.json": feature,
            ".devcontainer/greeter/install.sh": install,
        },
    )
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return folder


def settings_of(folder: Path) -> DevctlSettings:
    given = {"docker_image": IMAGE, "backend": "docker", "docker_prepare_network": "host"}
    quiet = {"HOME": str(folder), "PATH": os.environ["PATH"], "DOCKER_HOST": os.environ.get("DOCKER_HOST", "")}
    return DevctlSettings.from_environment(quiet, folder=folder / "d", **given)


def test_a_git_address_becomes_an_environment_ready_to_work_in(mark: str, docker_fleet: Fleet, tmp_path: Path) -> None:
    source = repository(tmp_path / "shop", mark)
    told: list[str] = []
    record = up_from_source(
        docker_fleet, settings_of(tmp_path), ADA, f"{source}#main", name="shop", overrides=SMALL, progress=told.append
    )
    assert (record.phase, record.why, record.spec.notes[:-1]) == ("running", "", ())

    def run(line: str) -> str:
        return docker_fleet.exec(ADA, "shop", ["sh", "-c", line]).output

    assert run("cat /etc/word; cat told hello.txt one two") == "built\n/src/shop\nhello\n1\n2\n"
    assert run("cat greeted") == "it's fine for root"
    assert run('echo "$STAGE $HELLO ${PATH##*:}"') == "dev there /opt/mine\n"
    assert (
        run("git rev-parse --is-inside-work-tree; git remote -v | grep -c @; ls .git/hooks 2>/dev/null | wc -l")
        == "true\n0\n0\n"
    )
    assert "| hello" in told
    assert any(words.startswith("post create two: ") for words in told)
    docker_fleet.stop(ADA, "shop")
    docker_fleet.start(ADA, "shop")
    assert run("cat told starts") == "/src/shop\nstarted\nstarted\n"
    assert docker_fleet.attached(ADA, "shop") == ""
    assert run("cat attaches starts | wc -l") == "3\n"
    assert not list((tmp_path / "d").glob("clone-*")) and not list((tmp_path / "d").glob("source-*"))


def test_a_moment_that_failed_is_run_again_at_the_next_start(fleet: Fleet, backend: str) -> None:
    def run(line: str) -> LifecycleCommand:
        return LifecycleCommand(argv=("/bin/sh", "-c", line))

    life = Lifecycle(
        on_create=((run("echo create >>order"),),),
        post_create=((run("echo try >>order; test -e mended"),),),
        post_start=((run("echo start >>order"),),),
    )
    record = fleet.up(ADA, wanted(backend, "again", lifecycle=life))
    assert record.phase == "running"
    assert "post create ended with 1" in record.why
    assert fleet.exec(ADA, "again", ["sh", "-c", "touch mended; cat order"]).output == "create\ntry\n"
    fleet.stop(ADA, "again")
    assert fleet.start(ADA, "again").why == ""
    fleet.stop(ADA, "again")
    fleet.start(ADA, "again")
    assert fleet.exec(ADA, "again", ["cat", "order"]).output == "create\ntry\ntry\nstart\nstart\n"


def test_output_is_told_line_by_line_without_what_steers_a_terminal() -> None:
    told: list[str] = []
    lines = Lines(told.append, "| ")
    for piece in (b"one\ntw", b"o\r\n10%\r50%\r100%\n\x1b[31mred", b"\n" * 600):
        lines.add(piece)
    lines.close()
    assert told[:4] == ["| one", "| two", "| 100%", "|  [31mred"]
    assert (len(told), told[-1]) == (500, "| … more is in the logs")
