"""Backup and restore of a whole workspace as one archive.

The servers are stopped for the copy, so that all of them are of one moment; what ran before runs again after it.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

from local.errors import ArchiveInvalid
from local.servers import status, stop
from local.workspace import Workspace, is_held

KEPT = ("data", "secrets", "artifacts")
MARK = "roadcrew-workspace-1"


def backup(workspace: Workspace, archive: Path) -> None:
    """Write data, secrets and artifacts of a workspace into one gzipped archive, readable by its owner only.

    Servers of the workspace are stopped meanwhile; the next command that needs them starts them again.
    """
    stop(workspace)
    fresh = archive.with_name(f".{archive.name}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out, tarfile.open(fileobj=out, mode="w:gz", compresslevel=3) as tar:
            mark = tarfile.TarInfo(MARK)
            tar.addfile(mark)
            for name in KEPT:
                tar.add(workspace.path / name, arcname=name)
            out.flush()
        fresh.rename(archive)
    except OSError as fault:
        fresh.unlink(missing_ok=True)
        raise ArchiveInvalid(
            f"{archive} cannot be written: {fault.strerror or fault}", "is there room for it?"
        ) from fault


def restore(archive: Path, workspace: Workspace) -> None:
    """Bring a workspace back from an archive, into a folder whose workspace is empty and not in use."""
    if any(one.state == "running" for one in status(workspace)) or is_held(workspace.path / "run" / "users.lock"):
        raise ArchiveInvalid(f"{workspace.path} is in use", "stop it first with `roadcrew stop --servers`")
    if any((workspace.path / "data").iterdir()):
        raise ArchiveInvalid(f"{workspace.path} holds data already", "restore into an empty workspace")
    try:
        with tarfile.open(archive, "r:gz") as tar:
            if MARK not in tar.getnames():
                raise ArchiveInvalid(f"{archive} is no backup of a workspace", "write one with `roadcrew backup`")
            for name in KEPT:
                shutil.rmtree(workspace.path / name)
            members = [member for member in tar.getmembers() if member.name.split("/")[0] in KEPT]
            tar.extractall(workspace.path, members=members, filter="data")
    except (OSError, tarfile.TarError, EOFError) as fault:
        raise ArchiveInvalid(f"{archive} cannot be read back: {fault}", "is it whole?") from fault
    for name in KEPT:
        (workspace.path / name).chmod(0o700)
    if (workspace.path / "data" / "postgres").exists():
        (workspace.path / "data" / "postgres").chmod(0o700)
