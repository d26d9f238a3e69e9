"""A real ssh client into real environments."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl.cli import main
from tests.devctl.fleets import IMAGE, needs_docker

PACKAGES = ("openssh-server", "openssh-sftp-server", "libwrap0", "libnsl2", "libtirpc3")
TAG = "devctl-test-sshd"


@pytest.fixture(scope="session")
def sshd_image() -> Iterator[str]:
    """The tests' image with openssh-server, from Debian's packages."""
    needs_docker()
    if shutil.which("ssh") is None or shutil.which("apt-get") is None:
        pytest.skip("ssh or apt-get is not installed here")
    folder = Path(tempfile.mkdtemp(prefix="sd", dir="/tmp"))
    try:
        for package in PACKAGES:
            got = subprocess.run(
                ["apt-get", "download", package], cwd=folder, capture_output=True, text=True, check=False
            )
            if got.returncode != 0:
                pytest.skip(f"Debian's packages are not reached: {got.stderr.strip()[-200:]}")
        for deb in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(deb), str(folder / "root")], check=True)
        (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY root/usr /usr\nCOPY root/etc /etc\n")
        shutil.copytree(folder / "root/lib", folder / "root/usr/lib", dirs_exist_ok=True, symlinks=True)
        subprocess.run(["docker", "build", "-q", "-t", TAG, str(folder)], check=True, capture_output=True)
        yield TAG
    finally:
        subprocess.run(["docker", "rmi", "-f", TAG], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, devctl_database: str) -> Iterator[Path]:
    """A home of its own for a person who has never used ssh."""
    folder = Path(tempfile.mkdtemp(prefix="sh", dir="/tmp"))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("DEVCTL_DATABASE_URL", devctl_database)
    monkeypatch.setenv("DEVCTL_FOLDER", str(folder / "d"))
    try:
        yield folder
    finally:
        if os.environ.get("DOCKER") == "1":
            main(["--backend", "docker", "rm", "box"])
        shutil.rmtree(folder, ignore_errors=True)


def devctl(*words: str) -> int:
    return main(["--backend", "docker", *words])


def ssh(home: Path, *words: str, program: str = "ssh") -> subprocess.CompletedProcess[str]:
    argv = [program, "-F", str(home / ".ssh/config"), *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, input="")


def up(image: str, *more: str) -> None:
    limits = ("--memory-mb", "256", "--cpus", "1")
    assert devctl("up", image, "--name", "box", *limits, *more, "--json") == 0


def include_of(home: Path) -> None:
    """Ssh looks for an Include below the account's own home, whatever HOME says."""
    config = home / ".ssh/config"
    config.write_text(config.read_text().replace("config.d/devctl", str(home / ".ssh/config.d/devctl")))


def test_ssh_runs_commands_copies_files_and_forwards_ports(
    sshd_image: str, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    up(sshd_image, "--env", "GREETING=good day")
    assert devctl("ssh-config", "box", "--write", "--yes") == 0
    include_of(home)
    done = ssh(home, "box.devctl", 'id -u; echo "$GREETING"; exit 7')
    assert (done.stdout, done.returncode) == ("10001\ngood day\n", 7), done.stderr
    assert ssh(home, "-tt", "box.devctl", "test -t 0 && echo terminal").stdout.strip() == "terminal"
    (home / "a.txt").write_text("carried")
    assert ssh(home, str(home / "a.txt"), "box.devctl:/work/b.txt", program="scp").returncode == 0
    assert ssh(home, "box.devctl", "cat /work/b.txt").stdout == "carried"
    server = "import http.server as h; h.HTTPServer(('127.0.0.1', 8000), h.SimpleHTTPRequestHandler).serve_forever()"
    assert b"carried" in fetched_through(home, server)
    left = ssh(home, "box.devctl", "ls -A /dev/shm; ls -A /tmp").stdout.split()
    assert all(name.startswith("devctl-ssh.") for name in left) and len(left) <= 1
    capfd.readouterr()


def fetched_through(home: Path, server: str) -> bytes:
    """What a server inside answers through a forwarded port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    argv = ["ssh", "-F", str(home / ".ssh/config"), "-L", f"{port}:127.0.0.1:8000", "-o", "ExitOnForwardFailure=yes"]
    process = subprocess.Popen(
        [*argv, "box.devctl", f'cd /work && exec python3 -c "{server}"'],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=20) as end:
                    end.sendall(b"GET /b.txt HTTP/1.0\r\n\r\n")
                    answer = b"".join(iter(lambda: end.recv(4096), b""))
                if answer:
                    return answer
            except OSError:
                pass
            threading.Event().wait(0.1)
        return b""
    finally:
        process.terminate()
        process.communicate()


def test_ssh_enters_an_environment_under_bubblewrap(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if shutil.which("ssh") is None or not Path("/usr/sbin/sshd").exists():
        pytest.skip("ssh or sshd is not installed here")
    front = ("--backend", "bubblewrap")
    if main([*front, "up", "host", "--name", "box", "--memory-mb", "256", "--cpus", "1", "--json"]) != 0:
        pytest.skip(f"not run on bubblewrap: {capfd.readouterr().err}")
    try:
        assert main([*front, "ssh-config", "box", "--write", "--yes"]) == 0
        include_of(home)
        done = ssh(home, "box.devctl", "id -un; exit 3")
        assert (done.stdout, done.returncode) == ("devctl\n", 3), done.stderr
    finally:
        main([*front, "rm", "box"])
        capfd.readouterr()


def test_another_key_and_another_server_are_not_trusted(
    sshd_image: str, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    up(sshd_image)
    assert devctl("ssh-config", "box", "--write", "--yes") == 0
    include_of(home)
    keys = next((home / "d/ssh").iterdir())
    known = (keys / "known_hosts").read_text()
    (keys / "known_hosts").write_text(known[:-10] + "AAAAAAAAA\n")
    assert ssh(home, "box.devctl", "true").returncode == 255
    (keys / "known_hosts").write_text(known)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "other")], check=True)
    shutil.copy(home / "other", keys / "client")
    (keys / "client").chmod(0o600)
    done = ssh(home, "box.devctl", "true")
    assert (done.returncode, "Permission denied" in done.stderr) == (255, True)
    capfd.readouterr()


def test_an_image_without_sshd_says_how_to_get_it(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    needs_docker()
    up(IMAGE)
    capfd.readouterr()
    assert devctl("ssh-proxy", "box") != 0
    assert "openssh-server" in capfd.readouterr().err


def test_open_prints_the_address_of_a_container(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    needs_docker()
    up(IMAGE)
    capfd.readouterr()
    assert devctl("open", "box", "--print") == 0
    assert capfd.readouterr().out.startswith("vscode-remote://attached-container+")
    assert devctl("open", "box", "--ssh", "--editor", "cursor", "--print") == 0
    assert capfd.readouterr().out.startswith("vscode-remote://ssh-remote+box.devctl/work\nhint:")


def test_nothing_is_written_unasked(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    needs_docker()
    up(IMAGE)
    assert devctl("ssh-config", "box") == 0
    assert "Host box.devctl" in capfd.readouterr().out
    assert sys.stdin is not None
    assert not (home / ".ssh").exists()
