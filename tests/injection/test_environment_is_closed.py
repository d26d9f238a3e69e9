"""From inside an environment, on either backend: no engine, no file of the host, no kernel at large."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl import Environment, LaunchRequest
from tests.devctl.machines import SANDBOXES, launcher_on
from tests.injection.world import SECRET

SOCKETS = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/var/run/podman/podman.sock")
ENGINE = "import socket; s = socket.socket(socket.AF_UNIX); s.connect({path!r}); print('reached')"
ABSTRACT = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0{name}'); print('reached')"
PROBES = {
    "files of the host": "cat @FOLDER@/secret && echo reached",
    "files through a process": "cat /proc/@PID@/root@FOLDER@/secret /proc/1/root@FOLDER@/secret && echo reached",
    "files through an open folder": "for fd in /proc/self/fd/*; do cat $fd/../../../../../..@FOLDER@/secret; done && echo reached",
    "passwords": "cat /etc/shadow && grep -q '^root:[$]' /etc/shadow && echo reached",
    "root's own files": "for name in .bashrc .profile .ssh .cache .gitconfig; do (cd /root && ls -d $name) && echo reached; done",
    "a disk": "for disk in /dev/vda /dev/sda /dev/nvme0n1; do head -c 1 $disk && echo reached; done",
    "memory of the machine": "head -c 1 /dev/mem && echo reached; head -c 1 /proc/kcore && echo reached",
    "a mount": "mount -t tmpfs none /mnt && echo reached",
    "a device of one's own": "mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk && echo reached",
    "settings of the kernel": "echo 1 > /proc/sys/kernel/sysrq && echo reached",
    "the core pattern": "echo '|/bin/true' > /proc/sys/kernel/core_pattern && echo reached",
    "control groups": "mkdir /sys/fs/cgroup/mine && echo reached; echo x > /sys/fs/cgroup/release_agent && echo reached",
    "another process": "kill -0 @PID@ && echo reached",
    "becoming root": "setpriv --reuid 0 true && echo reached; test $(id -u) = 0 && echo reached",
    "the network": "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", @PORT@), 2)' && echo reached",
}


@pytest.fixture(scope="module")
def secret(folder: Path) -> Path:
    (folder / "secret").write_text(SECRET)
    return folder


@pytest.fixture(scope="module", params=SANDBOXES)
def environment(request: pytest.FixtureRequest, folder: Path) -> Iterator[Environment]:
    with (
        launcher_on(request.param, folder / request.param) as launcher,
        launcher.launch(LaunchRequest()) as made,
    ):
        yield made


def said_inside(environment: Environment, command: str) -> str:
    return environment.exec(["sh", "-c", command]).output


@pytest.mark.parametrize("probe", PROBES)
def test_environment_reaches_nothing_of_the_host(environment: Environment, secret: Path, probe: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        places = {"@FOLDER@": str(secret), "@PID@": str(os.getpid()), "@PORT@": str(listener.getsockname()[1])}
        command = PROBES[probe]
        for word, value in places.items():
            command = command.replace(word, value)
        said = said_inside(environment, command)
    assert "reached" not in said, said
    assert SECRET not in said


@pytest.mark.parametrize("path", SOCKETS)
def test_no_engine_answers_inside(environment: Environment, path: str) -> None:
    said = environment.exec(["python3", "-c", ENGINE.format(path=path)])
    assert said.exit_code != 0
    assert "reached" not in said.output


def test_abstract_socket_of_the_host_is_not_there(environment: Environment) -> None:
    """The control is in it: outside, the same words reach it."""
    name = f"roadcrew-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        words = ABSTRACT.format(name=name)
        outside = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
        assert outside.stdout == "reached\n"
        assert "reached" not in environment.exec(["python3", "-c", words]).output


def test_same_words_reach_the_host_from_outside(secret: Path) -> None:
    """The control."""
    command = PROBES["files of the host"].replace("@FOLDER@", str(secret))
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == f"{SECRET}reached\n"
