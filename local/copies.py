"""Copies of the servers' data taken while they run, and the way back; used by `local.archive`.

Each copy is of one moment of its server. They are taken one after the other, first the one that says what is to be
done (PostgreSQL), then what shows what was done (graph, forge, artifacts): work that a restored workspace takes up
again finds its traces, for every effect looks for its own trace first.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import zipfile
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

from local.arcade import DATABASE, post
from local.errors import ArchiveInvalid
from local.postgres import postgres_program, postgres_url
from local.settings import server_environment
from local.starting import start_service
from local.workspace import Workspace

DUMP_SECONDS = 3600.0
GIT_SECONDS = 600.0
GIT_TRIES = 3
"""Copies of a repository until one is whole; one taken in the middle of a push may not be."""
PASSING = ("forge.lock", ".sqlite3", ".sqlite3-wal", ".sqlite3-shm", "git")
"""Endings of names in the forge's folder that are copied in another way, or mean something to the running one only."""


def copy_postgres(workspace: Workspace, target: Path) -> None:
    """Dump the database as it is at one moment into ``target``."""
    address = start_service(workspace, "postgres").address
    _postgres_tool(workspace, address, "pg_dump", "--format=custom", "--file", str(target))


def bring_postgres(workspace: Workspace, source: Path) -> None:
    """Fill the new, empty database from a dump, in one transaction."""
    address = start_service(workspace, "postgres").address
    _postgres_tool(
        workspace, address, "pg_restore", "--single-transaction", "--exit-on-error", "--dbname", address["dbname"],
        str(source),
    )  # fmt: skip


def copy_graph(workspace: Workspace, target: Path) -> None:
    """Ask the engine for a backup of one moment, and move it to ``target``."""
    http = start_service(workspace, "graph").address["http"]
    body = {"language": "sql", "command": "BACKUP DATABASE"}
    status, text = post(
        f"{http}/api/v1/command/{DATABASE}", "root", workspace.secret("graph"), body, seconds=DUMP_SECONDS
    )
    if status != HTTPStatus.OK:
        raise ArchiveInvalid(f"the graph server makes no backup: {status} {text[:300]}", "see its log")
    name = Path(str(json.loads(text)["result"][0]["backupFile"])).name
    shutil.move(workspace.path / "data" / "graph" / "backups" / DATABASE / name, target)


def bring_graph(workspace: Workspace, source: Path) -> None:
    """Unpack a backup where the server, which does not run yet, will find its database."""
    folder = workspace.path / "data" / "graph" / "databases" / DATABASE
    folder.mkdir(parents=True, mode=0o700)
    with zipfile.ZipFile(source) as backup:
        damaged = backup.testzip()
        if damaged is not None:
            raise ArchiveInvalid(f"the graph's part of the archive is damaged at {damaged}", "take another archive")
        backup.extractall(folder)  # it leaves out what would lead out of the folder


def copy_forge(workspace: Workspace, target: Path) -> None:
    """Copy the forge's database as of one moment, then the repositories, which hold all that it speaks of."""
    source = workspace.path / "data" / "forge"
    for file in sorted(source.glob("*.sqlite3")):
        target.mkdir(mode=0o700, exist_ok=True)
        with closing(sqlite3.connect(file, timeout=60)) as live, closing(sqlite3.connect(target / file.name)) as copy:
            live.backup(copy)
    copy_tree(source, target, lambda path: path.parent == source and path.name.endswith(PASSING))
    (target / "git").mkdir(mode=0o700, exist_ok=True)
    for repository in sorted(source.glob("git/*.git")):
        _copy_repository(repository, target / "git" / repository.name)


def copy_tree(source: Path, target: Path, left_out: Callable[[Path], bool] = lambda _path: False) -> None:
    """Copy files and folders; what vanishes meanwhile, and links, are left out."""
    target.mkdir(mode=0o700, exist_ok=True)
    for entry in sorted(os.scandir(source), key=lambda one: one.name):
        path = Path(entry.path)
        if left_out(path) or entry.is_symlink():
            continue
        try:
            if entry.is_dir():
                copy_tree(path, target / entry.name, left_out)
            else:
                shutil.copyfile(path, target / entry.name)
        except FileNotFoundError:
            continue


def _copy_repository(source: Path, target: Path) -> None:
    for _ in range(GIT_TRIES):
        shutil.rmtree(target, ignore_errors=True)
        copy_tree(source, target, lambda path: path == source / "objects" or path.name.endswith(".lock"))
        copy_tree(source / "objects", target / "objects")  # after the refs, so that what they name is there
        checked = subprocess.run(
            ["git", f"--git-dir={target}", "fsck", "--connectivity-only", "--no-dangling", "--no-progress"],
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            env=server_environment() | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        )
        if checked.returncode == 0:
            return
    raise ArchiveInvalid(
        f"the repository {source} is not whole: {checked.stderr[-300:].strip()}", f"run git fsck in {source}"
    )


def _postgres_tool(workspace: Workspace, address: dict[str, str], program: str, *arguments: str) -> None:
    from psycopg.conninfo import conninfo_to_dict

    found = conninfo_to_dict(postgres_url(workspace, address))
    names = {"PGHOST": "host", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
    environment = server_environment() | {name: str(found[key]) for name, key in names.items()}
    ended = subprocess.run(
        [str(postgres_program(program)), "--no-password", *arguments],
        capture_output=True,
        text=True,
        timeout=DUMP_SECONDS,
        env=environment,
    )
    if ended.returncode != 0:
        raise ArchiveInvalid(f"{program} fails: {ended.stderr[-600:].strip()}", "is there room on the disk?")
