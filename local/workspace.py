"""The workspace: one private folder with the embedded servers' data, secrets, logs and state."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.errors import WorkspaceUnusable

FOLDERS = ("secrets", "logs", "run", "artifacts", "data")
LONGEST_SOCKET_FOLDER = 85
"""Characters; the whole path of a Unix socket may have 107 bytes."""


@dataclass(frozen=True)
class Workspace:
    """One workspace folder; make it with `open_workspace`."""

    path: Path

    def secret(self, name: str) -> str:
        """Return a random secret kept in `secrets/<name>`, readable by its owner only; made on first use."""
        file = self.path / "secrets" / name
        with locked(self.path / "run" / "secrets.lock"):
            if not file.exists():
                fresh = file.with_name(f".{name}.new")
                descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w") as out:
                    out.write(secrets.token_urlsafe(32))
                    out.flush()
                    os.fsync(out.fileno())
                fresh.rename(file)
            return file.read_text()

    def socket_folder(self) -> Path:
        """Return a private folder for Unix sockets with a path short enough for them."""
        near = self.path / "run" / "sockets"
        if len(os.fsencode(near)) > LONGEST_SOCKET_FOLDER:
            digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
            near = Path(tempfile.gettempdir()) / f"roadcrew-{os.getuid()}-{digest}"
        near.mkdir(mode=0o700, exist_ok=True)
        if near.stat().st_uid != os.getuid() or near.stat().st_mode & 0o077:
            raise WorkspaceUnusable(
                f"{near} is not private to this user", "remove it, or move the workspace to a shorter path"
            )
        return near

    def log(self, service: str) -> Path:
        """Return the log file of a service."""
        return self.path / "logs" / f"{service}.log"


def open_workspace(path: Path) -> Workspace:
    """Return the workspace in a folder, made private to this user; raises `WorkspaceUnusable`."""
    path = path.expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)
        for name in FOLDERS:
            (path / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as fault:
        raise WorkspaceUnusable(
            f"the workspace {path} cannot be used: {fault.strerror}", "name another folder with --workspace"
        ) from fault
    return Workspace(path)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, waiting for it."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        raise WorkspaceUnusable(f"{file} cannot be locked: {fault.strerror}", "is the disk full?") from fault
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_held(file: Path) -> bool:
    """Whether some process holds an exclusive lock on a file."""
    if not file.exists():
        return False
    descriptor = os.open(file, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
