"""Backup and restore of a whole workspace as one archive: a gzipped tar file, readable by its owner only.

manifest.json   format, time, and the SHA-256 of every other file
postgres.dump   pg_dump's custom format
graph.zip       the engine's own backup
forge/          SQLite file and bare repositories
artifacts/  secrets/
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from local.copies import bring_graph, bring_postgres, copy_forge, copy_graph, copy_postgres, copy_tree
from local.errors import ArchiveInvalid, LocalError, WorkspaceUnusable
from local.records import Record
from local.servers import alone, status, stop, using
from local.workspace import Workspace

FORMAT = 2
MANIFEST = "manifest.json"

logger = logging.getLogger(__name__)


class Manifest(Record):
    """What an archive says about itself."""

    format: int
    made: str
    files: dict[str, str]
    """Path in the archive to SHA-256."""


def backup(workspace: Workspace, archive: Path) -> None:
    """Write the workspace into one archive while its servers run and others use it; raises `ArchiveInvalid`.

    Servers whose data are needed are started; the archive appears under its name only when it is complete.
    """
    with using(workspace), _staging(workspace) as stage, _faults_of(archive, "written"):
        _collect(workspace, stage)
        files = {str(file.relative_to(stage)): _digest(file) for file in _files(stage)}
        manifest = Manifest(format=FORMAT, made=datetime.now(UTC).isoformat(), files=files)
        (stage / MANIFEST).write_text(manifest.model_dump_json())
        _pack(stage, archive)
    logger.info("wrote a backup of %s to %s", workspace.path, archive)


def restore(archive: Path, workspace: Workspace) -> None:
    """Bring a workspace back from an archive into an empty workspace that nobody uses; raises a `LocalError`.

    The archive is checked as a whole before anything is changed; after a failure the workspace is empty again.
    """
    with alone(workspace):
        if any(one.state == "running" for one in status(workspace)):
            raise WorkspaceUnusable(f"servers of {workspace.path} run", "stop them with `roadcrew stop --servers`")
        held = [name for name in ("data", "artifacts") if any((workspace.path / name).iterdir())]
        if held:
            raise ArchiveInvalid(f"{workspace.path / held[0]} holds data already", "restore into an empty workspace")
        with _staging(workspace) as stage, _faults_of(archive, "read back"):
            _unpack(archive, stage)
            try:
                _bring(workspace, stage)
            except BaseException:
                _empty(workspace)
                raise
    logger.info("restored %s from %s", workspace.path, archive)


def _collect(workspace: Workspace, stage: Path) -> None:
    data = workspace.path / "data"
    if (data / "postgres").exists():
        copy_postgres(workspace, stage / "postgres.dump")
    if (data / "graph").exists():
        copy_graph(workspace, stage / "graph.zip")
    if (data / "forge").exists():
        copy_forge(workspace, stage / "forge")
    for name in ("artifacts", "secrets"):
        copy_tree(workspace.path / name, stage / name)


def _bring(workspace: Workspace, stage: Path) -> None:
    for name in ("secrets", "artifacts"):
        shutil.rmtree(workspace.path / name)
        (stage / name).rename(workspace.path / name)
    if (stage / "forge").exists():
        (stage / "forge").rename(workspace.path / "data" / "forge")
    if (stage / "graph.zip").exists():
        bring_graph(workspace, stage / "graph.zip")
    if (stage / "postgres.dump").exists():
        try:
            bring_postgres(workspace, stage / "postgres.dump")
        finally:
            stop(workspace, ["postgres"])


def _empty(workspace: Workspace) -> None:
    for name in ("data", "artifacts", "secrets"):
        shutil.rmtree(workspace.path / name, ignore_errors=True)
        (workspace.path / name).mkdir(mode=0o700, exist_ok=True)


def _pack(stage: Path, archive: Path) -> None:
    fresh = archive.with_name(f".{archive.name}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            with tarfile.open(fileobj=out, mode="w:gz", compresslevel=3) as tar:
                for path in (stage / MANIFEST, *sorted(set(stage.iterdir()) - {stage / MANIFEST})):
                    tar.add(path, arcname=path.name)
            out.flush()
            os.fsync(out.fileno())
        fresh.rename(archive)
    finally:
        fresh.unlink(missing_ok=True)


def _unpack(archive: Path, stage: Path) -> None:
    """Unpack an archive and check every file of it."""
    with tarfile.open(archive, "r:gz") as tar:
        tar.extractall(stage, filter="data")
    try:
        manifest = Manifest.model_validate_json((stage / MANIFEST).read_text())
    except (FileNotFoundError, ValidationError) as fault:
        raise ArchiveInvalid(f"{archive} is no backup of a workspace", "write one with `roadcrew backup`") from fault
    if manifest.format != FORMAT:
        raise ArchiveInvalid(
            f"{archive} has format {manifest.format}, and {FORMAT} is understood", "use the release that wrote it"
        )
    found = {str(file.relative_to(stage)): _digest(file) for file in _files(stage) if file != stage / MANIFEST}
    wrong = sorted(name for name in {*found, *manifest.files} if found.get(name) != manifest.files.get(name))
    if wrong:
        raise ArchiveInvalid(f"{archive} is damaged: {wrong[0]} is not what was written", "take another archive")
    for name in ("secrets", "artifacts"):
        (stage / name).mkdir(mode=0o700, exist_ok=True)
    _make_private(stage)


def _make_private(folder: Path) -> None:
    for parent, _folders, files in os.walk(folder):
        Path(parent).chmod(0o700)
        for name in files:
            (Path(parent) / name).chmod(0o600)


@contextmanager
def _staging(workspace: Workspace) -> Iterator[Path]:
    """Give a private folder on the workspace's own disk, and remove it at the end."""
    try:
        stage = Path(tempfile.mkdtemp(prefix="archive-", dir=workspace.path / "run"))
    except OSError as fault:
        raise WorkspaceUnusable(f"{workspace.path} cannot be written: {fault.strerror}", "free some space") from fault
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _faults_of(archive: Path, action: str) -> Iterator[None]:
    foreign = (
        OSError,
        EOFError,
        tarfile.TarError,
        zipfile.BadZipFile,
        subprocess.SubprocessError,
        json.JSONDecodeError,
    )
    try:
        yield
    except LocalError:
        raise
    except foreign as fault:
        raise ArchiveInvalid(
            f"{archive} cannot be {action}: {fault}", "is the file whole, and is there room on the disk?"
        ) from fault


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
