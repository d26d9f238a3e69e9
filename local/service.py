"""What a server of a workspace is to its supervisor: how it is made, started, probed and ended."""

from __future__ import annotations

import json
import platform
import signal
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from importlib.util import find_spec

from local.child import Identity, prepare_child
from local.errors import PlatformUnsupported
from local.settings import server_environment
from local.workspace import Workspace

Address = dict[str, str]


class Service(ABC):
    """One server of one workspace, in the supervisor's process."""

    name: str
    end_signal: int = signal.SIGTERM
    """Asks for a clean stop."""

    def __init__(self, workspace: Workspace, options: dict[str, str]) -> None:
        self.workspace = workspace
        self.options = options
        self.data = workspace.path / "data" / self.name

    @abstractmethod
    def make(self) -> None:
        """Create what the server needs before its first start; without effect later."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""

    @abstractmethod
    def probe(self) -> Address | None:
        """Return the server's address when it answers, else None."""

    def environment(self) -> dict[str, str]:
        """Return the environment of the server."""
        return server_environment()

    def identity(self) -> Identity:
        """Return as whom the server runs."""
        return Identity.SAME

    def start(self, log: int, guard: int) -> subprocess.Popen[bytes]:
        """Start the server as a child that ends with this process and keeps ``guard`` open as long as it lives."""
        return subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self.environment(),
            cwd=self.workspace.path,
            preexec_fn=prepare_child(self.end_signal, self.identity()),
            pass_fds=(guard,),
            umask=0o077,
        )

    def announced(self) -> Address | None:
        """Return the JSON line that a server of ours printed into its log, at this start, when it began to listen."""
        offset = int(self.workspace.run_file(f"{self.name}.offset").read_text())
        with self.workspace.log(self.name).open("rb") as log:
            log.seek(offset)
            for line in log.read().splitlines():
                value = _json_object(line)
                if value is not None:
                    return value
        return None

    def remembered_port(self) -> int:
        """Return the port that the server had before if it is still free, so that links stay good; else 0."""
        file = self.workspace.run_file(f"{self.name}.port")
        port = int(file.read_text()) if file.exists() else 0
        return port if port_is_free(port) else 0


def python_module(name: str, *arguments: str) -> list[str]:
    """Return the command of a module of ours; the working folder is kept out of the import path."""
    return [sys.executable, "-P", "-m", name, *arguments]


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def require_wheel(module: str, server: str, setting: str) -> None:
    """Raise `PlatformUnsupported` where the wheel of a server is missing."""
    if find_spec(module) is not None:
        return
    library = platform.libc_ver()[0] or "another C library than glibc, such as musl"
    machine = f"{platform.system()} on {platform.machine()}" + (f", {library}" if sys.platform == "linux" else "")
    raise PlatformUnsupported(
        f"the wheel of {server} ({module}) is not installed here ({machine})",
        "install the locked requirements again; it is made for Linux with glibc 2.28 or later, and for macOS on arm64. "
        f"Elsewhere set {setting} to a server that runs",
    )


def _json_object(line: bytes) -> Address | None:
    if not line.startswith(b"{"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return {str(key): str(text) for key, text in value.items()} if isinstance(value, dict) else None
