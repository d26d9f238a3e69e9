"""Engines on other machines over SSH: one connection, kept by the user's own ssh, carries the engine's socket here.

The ssh program reads its usual settings, checks the host's key, and never asks: a key that is unknown or has
changed is an error. All programs of the user share the connection; it ends when nobody has used it for a while.
"""

import contextlib
import hashlib
import logging
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from devctl.capture import run_tool
from devctl.errors import HostUnreachable
from devctl.fleet.records import Host
from devctl.locks import locked

log = logging.getLogger(__name__)

ENGINE_SOCKET = "/var/run/docker.sock"
IDLE_SECONDS = 600


class SshForward:
    """The local end of an engine's socket on another machine."""

    def __init__(self, host: Host, config: Path | None, env: Mapping[str, str]) -> None:
        """`config` is the ssh settings file to read instead of the user's own; `env` is what ssh sees of variables."""
        self._host = host
        self._env = {"PATH": os.defpath, **env}
        self._config = config
        key = hashlib.sha256(f"{host.address}\0{config}".encode()).hexdigest()[:16]
        self._base = _folder() / key  # short, as a socket's path must be
        self.path = self._base.with_suffix(".sock")

    @property
    def address(self) -> str:
        """Where the engine is found on this machine."""
        return f"unix://{self.path}"

    def ensure(self) -> None:
        """See to it that the connection is there; raises HostUnreachable with ssh's words."""
        if self._answers():
            return
        with locked(self._base.with_suffix(".lock")):
            if not self._answers():
                self._start()

    def close(self) -> None:
        """End the connection for everybody; safe to repeat."""
        run_tool(self._argv("-O", "exit"), self._env, seconds=20)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(self.path))
            return True
        return False

    def _start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._base.with_suffix(".ctl").unlink(missing_ok=True)
        seconds = self._host.seconds
        done = run_tool(self._argv("-M", "-f", "-N"), self._env, seconds=seconds + 10)
        if done.exit_code != 0 or not self._answers():
            words = done.text.strip().splitlines()
            raise HostUnreachable(
                f"the host {self._host.name} cannot be reached over ssh: {words[-1] if words else 'no answer'}",
                f"try `ssh {urlsplit(self._host.address).netloc}` by hand: key, host key and address must be right",
            )
        log.info("connected to %s over ssh", self._host.name)

    def _argv(self, *words: str) -> tuple[str, ...]:
        parts = urlsplit(self._host.address)
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "ConnectTimeout": str(self._host.seconds),
            "ControlPath": str(self._base.with_suffix(".ctl")),
            "ControlPersist": str(IDLE_SECONDS),
            "ServerAliveInterval": "15",
            "ServerAliveCountMax": "2",
            "ExitOnForwardFailure": "yes",
            "StreamLocalBindUnlink": "yes",
        }
        argv = ["ssh", *(["-F", str(self._config)] if self._config is not None else [])]
        argv += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        argv += ["-L", f"{self.path}:{parts.path or ENGINE_SOCKET}"] if "-M" in words else []
        argv += ["-p", str(parts.port)] if parts.port else []
        return (*argv, *words, "-l", parts.username or _user(), "--", parts.hostname or "")


def _folder() -> Path:
    """A private folder with a short path."""
    folder = Path(tempfile.gettempdir()) / f"devctl-ssh-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise HostUnreachable(f"{folder} is not a private folder of yours", "remove it")
    return folder


def _user() -> str:
    import getpass

    return getpass.getuser()
