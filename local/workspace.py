"""The workspace: one private folder with the embedded servers' data, secrets, logs and state."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.errors import WorkspaceUnusable
from local.locks import locked

FOLDERS = ("secrets", "logs", "run", "artifacts", "data")
LONGEST_SOCKET_FOLDER = 85
"""Bytes; the whole path of a Unix socket may have 107, on macOS 103."""
ROOM_BYTES = 100_000_000
"""Free space that a server needs to start; a new PostgreSQL alone takes 40 MB."""


@dataclass(frozen=True)
class Workspace:
    """One workspace folder; make it with `open_workspace`."""

    path: Path

    def secret(self, name: str) -> str:
        """Return a random secret kept in `secrets/<name>`, readable by its owner only; made on first use."""
        file = self.path / "secrets" / name
        with locked(self.path / "run" / "secrets.lock"):
            try:
                if not file.exists():
                    write_private(file, secrets.token_urlsafe(32))
                return file.read_text()
            except OSError as fault:
                raise WorkspaceUnusable(
                    f"the secret {file} cannot be kept: {fault.strerror}", "free some disk space, or mend its rights"
                ) from fault

    def socket_folder(self) -> Path:
        """Return a private folder for Unix sockets with a path short enough for them."""
        near = self.path / "run" / "sockets"
        if len(os.fsencode(near)) > LONGEST_SOCKET_FOLDER:
            digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
            near = Path(tempfile.gettempdir()) / f"roadcrew-{os.getuid()}-{digest}"
        if len(os.fsencode(near)) > LONGEST_SOCKET_FOLDER:
            raise WorkspaceUnusable(f"the path {near} is too long for a Unix socket", "set TMPDIR to a shorter path")
        try:
            near.mkdir(mode=0o700, exist_ok=True)
            found = near.lstat()
        except OSError as fault:
            raise WorkspaceUnusable(
                f"the folder {near} for sockets cannot be made: {fault.strerror}", "remove what is in its place"
            ) from fault
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise WorkspaceUnusable(
                f"{near} is not a private folder of this user", "remove it, or move the workspace to a shorter path"
            )
        return near

    def log(self, service: str) -> Path:
        """Return the log file of a service."""
        return self.path / "logs" / f"{service}.log"

    def run_file(self, name: str) -> Path:
        """Return a file of the running servers' state."""
        return self.path / "run" / name


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


def write_private(file: Path, text: str) -> None:
    """Replace a file, readable by its owner only, at once and durably."""
    fresh = file.with_name(f".{file.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.rename(file)


def require_room(folder: Path, needed: int = ROOM_BYTES) -> None:
    """Raise `WorkspaceUnusable` where the disk of a folder has less than ``needed`` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise WorkspaceUnusable(
            f"the disk of {folder} has {free / 1e6:.0f} MB free, and {needed / 1e6:.0f} MB are needed",
            "free some space, or name a folder on another disk with --workspace",
        )
