"""More Docker engines on this machine, a way to one over SSH and to another over TLS, and a small image."""

import contextlib
import io
import os
import re
import secrets
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.devctl.certificates import write_certificates
from tests.devctl.fleets import needs_docker

SMALL_IMAGE = "devctl-tests-small:1"
_PROGRAMS = ("sh", "sleep", "cat", "grep", "tr", "id", "mkdir", "head")


@dataclass(frozen=True)
class Machines:
    """Two more engines and the ways to them."""

    folder: Path
    ssh: str
    """Address of the first, over SSH."""
    ssh_config: Path
    tcp: str
    """Address of the second, over TLS."""
    tls: Path
    near: str
    """Address of the first engine's socket."""
    far: str


@contextmanager
def two_machines() -> Iterator[Machines]:
    """Start them; skips where engines cannot be started."""
    needs_docker()
    for program in ("/usr/sbin/dockerd", "/usr/sbin/sshd", "/usr/sbin/ip"):
        if not Path(program).exists() or os.geteuid() != 0:
            pytest.skip(f"more engines take root and {program}")
    folder = Path(tempfile.mkdtemp(prefix="de", dir="/tmp"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        tls = folder / "tls"
        write_certificates(tls)
        port = free_port()
        words: tuple[str, ...] = ("-H", f"tcp://127.0.0.1:{port}", "--tlsverify", f"--tlscacert={tls}/ca.pem")
        words = (*words, f"--tlscert={tls}/server.pem", f"--tlskey={tls}/server-key.pem")
        near = stack.enter_context(_engine(folder / "a", ()))
        far = stack.enter_context(_engine(folder / "b", words))
        _run(["docker", "-H", near, "import", "-", SMALL_IMAGE], small_image())
        ssh_port = stack.enter_context(_sshd(folder / "ssh"))
        ssh = f"ssh://root@127.0.0.1:{ssh_port}{near.removeprefix('unix://')}"
        yield Machines(folder, ssh, folder / "ssh" / "config", f"tcp://127.0.0.1:{port}", tls, near, far)


@dataclass(frozen=True)
class SmallEngine:
    """An engine whose images and containers lie on a small disk of its own."""

    address: str
    disk: Path

    def fill(self, left_mb: int | None) -> None:
        """Fill the disk but for so many MiB; None makes room again."""
        filler = self.disk / "filler"
        filler.unlink(missing_ok=True)
        if left_mb is not None:
            room = os.statvfs(self.disk)
            size = room.f_bavail * room.f_frsize - left_mb * 2**20
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(size, 1))


@contextmanager
def small_engine(megabytes: int) -> Iterator[SmallEngine]:
    """Start an engine on a disk of that size, with the small image; skips where that cannot be."""
    needs_docker()
    for program in ("/usr/sbin/dockerd", "/usr/sbin/ip"):
        if not Path(program).exists() or os.geteuid() != 0:
            pytest.skip(f"another engine takes root and {program}")
    folder = Path(tempfile.mkdtemp(prefix="de", dir="/tmp"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        disk = folder / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(disk)]
        if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
            pytest.skip("no disk can be mounted here")
        stack.callback(_run, ["umount", "-l", str(disk)])
        address = stack.enter_context(_engine(folder / "c", (), disk / "d"))
        _run(["docker", "-H", address, "import", "-", SMALL_IMAGE], small_image())
        yield SmallEngine(address, disk)


def free_port() -> int:
    """A port of this machine that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def _bridge() -> Iterator[str]:
    """A bridge for one engine: an engine without one removes docker0, which is the machine's own engine's."""
    name = f"dv{secrets.token_hex(4)}"
    _run(["/usr/sbin/ip", "link", "add", name, "type", "bridge"])
    try:
        yield name
    finally:
        _run(["/usr/sbin/ip", "link", "delete", name])


@contextmanager
def _engine(folder: Path, words: tuple[str, ...], data: Path | None = None) -> Iterator[str]:
    """A Docker engine with everything of its own; its images and containers lie in `data`."""
    folder.mkdir()
    with _bridge() as bridge:
        yield from _running(folder, data or folder / "d", bridge, words)


def _running(folder: Path, data: Path, bridge: str, words: tuple[str, ...]) -> Iterator[str]:
    address = f"unix://{folder}/s"
    namespace = f"devctl-{folder.parent.name}-{folder.name}"
    argv = ["/usr/sbin/dockerd", "--data-root", str(data), "--exec-root", f"{folder}/e", "-H", address]
    argv += [
        "--pidfile",
        f"{folder}/p",
        f"--bridge={bridge}",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
    ]
    argv += ["--containerd-namespace", namespace, "--containerd-plugins-namespace", f"{namespace}-p", *words]
    with (folder / "log").open("wb") as log:
        engine = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(600):
            if subprocess.run(["docker", "-H", address, "info"], capture_output=True, check=False).returncode == 0:
                break
            if engine.poll() is not None:
                pytest.skip(f"a second engine does not start: {(folder / 'log').read_text()[-500:]}")
            time.sleep(0.1)
        yield address
    finally:
        left = subprocess.run(["docker", "-H", address, "ps", "-aq"], capture_output=True, text=True, check=False)
        if left.stdout.split():
            subprocess.run(
                ["docker", "-H", address, "rm", "-f", *left.stdout.split()], capture_output=True, check=False
            )
        engine.terminate()
        engine.wait(60)
        for mount in Path("/proc/self/mounts").read_text().splitlines():
            if f" {folder}/" in mount or f" {data}/" in mount:
                subprocess.run(["umount", "-l", mount.split()[1]], capture_output=True, check=False)


@contextmanager
def _sshd(folder: Path) -> Iterator[int]:
    """An SSH server on loopback that knows one key, and the client's settings for it."""
    folder.mkdir(mode=0o700)
    for name in ("host", "user", "other"):
        _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)])
    shutil.copy(folder / "user.pub", folder / "authorized")
    port = free_port()
    host_key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    (folder / "config").write_text(
        f"Host *\n  IdentityFile {folder}/user\n  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known\n"
        "  GlobalKnownHostsFile /dev/null\n"
    )
    (folder / "sshd").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile {folder}/pid\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin yes\n"
        "KbdInteractiveAuthentication no\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd")], stderr=log)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def small_image() -> bytes:
    """A root file system with a shell and a few programs of this machine, and the libraries that they need."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        paths = {Path(shutil.which(name) or f"/bin/{name}") for name in _PROGRAMS}
        for path in sorted(paths):
            listed = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=True).stdout
            libraries = [Path(found) for found in re.findall(r"(/\S+) \(0x", listed)]
            for one in (path, *libraries):
                name = f"bin/{path.name}" if one == path else str(one).lstrip("/")
                if name not in archive.getnames():
                    archive.add(one.resolve(), name)
        for folder in ("tmp", "proc", "sys", "dev", "etc", "run"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            archive.addfile(entry)
    return buffer.getvalue()


def _run(argv: list[str], data: bytes | None = None) -> None:
    subprocess.run(argv, input=data, check=True, capture_output=True, timeout=120)
