"""What an attack is after: secrets, a listener, another repository; and whether it reached one of them."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECRET = "canary-6f1d2a7c93"  # noqa: S105 - nobody's secret: it stands for one


class Listener:
    """A server on loopback, for TCP and UDP, that keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self._tcp, self._udp = _bound()
        self._threads = [threading.Thread(target=serve, daemon=True) for serve in (self._serve_tcp, self._serve_udp)]
        for thread in self._threads:
            thread.start()

    @property
    def port(self) -> int:
        return int(self._tcp.getsockname()[1])

    def close(self) -> None:
        self._tcp.shutdown(socket.SHUT_RDWR)
        self._tcp.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self._udp.getsockname())
        for thread in self._threads:
            thread.join()
        self._udp.close()

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(20)
                try:
                    self.heard += connection.recv(4096)
                    connection.sendall(b"HTTP/1.0 204 No Content\r\n\r\n")
                except OSError:
                    continue

    def _serve_udp(self) -> None:
        while data := self._udp.recv(4096):
            self.heard += data


def _bound() -> tuple[socket.socket, socket.socket]:
    """Sockets of one port for TCP and UDP; another program may have that of the other kind, so several are tried."""
    while True:
        tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            tcp.close()
            udp.close()
            continue
        return tcp, udp


@dataclass(frozen=True)
class World:
    """The surroundings of one delivery under attack."""

    folder: Path
    """A folder of the host that no environment may see."""
    other: Path
    """Another repository on the host."""
    listener: Listener

    def fill(self, command: str, name: str) -> str:
        """Return a command line with the places that it is after."""
        words = {
            "@FOLDER@": str(self.folder),
            "@OTHER@": str(self.other),
            "@PORT@": str(self.listener.port),
            "@PID@": str(os.getpid()),
            "@NAME@": name,
        }
        for word, value in words.items():
            command = command.replace(word, value)
        return command

    def reached(self, name: str, output: str) -> bool:
        """Whether an attempt read the secret, was heard outside, wrote to the host or pushed to the other repository."""
        refs = subprocess.run(["git", "-C", self.other, "for-each-ref"], capture_output=True, text=True, check=True)
        wrote = (self.folder / name).exists()
        return SECRET in output or name.encode() in self.listener.heard or wrote or name in refs.stdout


@contextmanager
def world_at(folder: Path) -> Iterator[World]:
    """Make such surroundings in a folder; a process with the secret in its environment runs in them."""
    folder.mkdir()
    (folder / "secret.txt").write_text(SECRET)
    other = folder / "other.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", other], check=True)
    listener = Listener()
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        env={"GITHUB_TOKEN": SECRET, "OPENAI_API_KEY": SECRET},
    )
    try:
        yield World(folder, other, listener)
    finally:
        listener.close()
        sleeper.communicate()


def on_the_host(command: str, folder: Path) -> str:
    """Run a command line without any guard, in a repository of its own, and git over it as a careless host would."""
    folder.mkdir()
    for words in (["git", "init", "-q", "-b", "main"], ["git", "commit", "-q", "--allow-empty", "-m", "One"]):
        identity = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "A"}
        env = {**os.environ, **identity, "GIT_COMMITTER_EMAIL": "a@b"}
        subprocess.run(words, cwd=folder, env=env, check=True)
    env = {**os.environ, "GITHUB_TOKEN": SECRET}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True, timeout=30, check=False
    )
    looked = subprocess.run(["git", "add", "--all"], cwd=folder, capture_output=True, text=True, check=False)
    moved = subprocess.run(
        ["git", "checkout", "-q", "-B", "x"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr + looked.stdout + looked.stderr + moved.stdout
