"""The embedded servers from outside: started on demand by whoever comes first, shared, stopped by the last."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.arcade import DATABASE, READER
from local.errors import LocalError, ServerFailed, WorkspaceUnusable
from local.locks import open_lock
from local.postgres import postgres_url
from local.records import ForgeAddress, GraphAddress, ServiceStatus
from local.services import SERVICES
from local.starting import last_failure, living_state, start_service, stop_service
from local.workspace import Workspace

STOP_ORDER = ("replay", "forge", "graph", "postgres")


def ensure_postgres(workspace: Workspace) -> str:
    """Return the address of the workspace's PostgreSQL for psycopg, starting it where it does not run."""
    return postgres_url(workspace, start_service(workspace, "postgres").address)


def ensure_graph(workspace: Workspace) -> tuple[GraphAddress, GraphAddress]:
    """Return the writing and the reading way into the workspace's graph, starting it where it does not run."""
    uri = start_service(workspace, "graph").address["uri"]
    writer = GraphAddress(uri=uri, user="root", password=workspace.secret("graph"), database=DATABASE, read_only=False)
    reader = GraphAddress(
        uri=uri, user=READER, password=workspace.secret("graph-reader"), database=DATABASE, read_only=True
    )
    return writer, reader


def ensure_forge(workspace: Workspace, port: int = 0) -> ForgeAddress:
    """Return the address of the workspace's code host, starting it where it does not run.

    It keeps its port from start to start. A ``port`` asked for and not to be had raises `ServerFailed`.
    """
    url = start_service(workspace, "forge", {"port": str(port)} if port else {}).address["url"]
    if port and url.rpartition(":")[2] != str(port):
        raise ServerFailed(
            f"the forge of this workspace runs already at {url}, not on port {port}",
            "stop it first, or ask for no port",
        )
    return ForgeAddress(url=url, api_url=f"{url}/api/v3", admin_token=workspace.secret("forge-admin"))


def ensure_replay(workspace: Workspace, *transcripts: Path) -> str:
    """Return the base URL of a replay of these transcripts; a running replay of others is replaced."""
    options = {
        "transcript": os.pathsep.join(str(transcript.absolute()) for transcript in transcripts),
        "digest": _digest(transcripts),
    }
    state = start_service(workspace, "replay", options)
    if state.options != options:
        stop_service(workspace, "replay")
        state = start_service(workspace, "replay", options)
    return state.address["url"]


def status(workspace: Workspace) -> list[ServiceStatus]:
    """Return how each server of the workspace is."""
    return [_status(workspace, name) for name in SERVICES]


def stop(workspace: Workspace, names: Sequence[str] | None = None) -> None:
    """Stop servers cleanly, all of them where none are named; return when they have ended.

    Every one is tried; the first that does not stop raises `ServerFailed` at the end.
    """
    unknown = set(names or ()) - set(SERVICES)
    if unknown:
        raise ServerFailed(f"there is no server {min(unknown)!r}", f"name one of {', '.join(SERVICES)}")
    faults: list[LocalError] = []
    for name in STOP_ORDER:
        if names is None or name in names:
            try:
                stop_service(workspace, name)
            except LocalError as fault:
                faults.append(fault)
    if names is None:
        workspace.run_file("kept").unlink(missing_ok=True)
    if faults:
        raise faults[0]


@contextmanager
def using(workspace: Workspace, keep: bool = False) -> Iterator[None]:
    """Count as a user of the workspace; the last one out stops its servers, unless one of them says ``keep``."""
    users = open_lock(workspace.run_file("users.lock"))
    try:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while the last user before stops the servers
        if keep:
            workspace.run_file("kept").touch(0o600)
        try:
            yield
        finally:
            if _is_last(users) and not workspace.run_file("kept").exists():
                stop(workspace)
    finally:
        os.close(users)


@contextmanager
def alone(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace alone, without any user; raises `WorkspaceUnusable` where it has one."""
    users = open_lock(workspace.run_file("users.lock"))
    try:
        if not _is_last(users):
            raise WorkspaceUnusable(f"the workspace {workspace.path} is in use", "end what uses it first")
        yield
    finally:
        os.close(users)


def _is_last(users: int) -> bool:
    """Turn the lock of a user into that of the only one, which gives the former up in any case."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _status(workspace: Workspace, name: str) -> ServiceStatus:
    state = living_state(workspace, name)
    if state is None or state.state == "failed":
        failed = state or last_failure(workspace, name)
        if failed is None:
            return ServiceStatus(name=name, state="stopped")
        return ServiceStatus(name=name, state="failed", restarts=failed.restarts, detail=failed.detail)
    address = state.address
    return ServiceStatus(
        name=name,
        state="running",
        pid=state.pid,
        address=address.get("uri") or address.get("url") or address.get("host", ""),
        restarts=state.restarts,
        detail=state.detail or ("" if state.state == "running" else "it is starting"),
    )


def _digest(transcripts: Sequence[Path]) -> str:
    found = hashlib.sha256()
    for transcript in transcripts:
        if not transcript.is_file():
            raise ServerFailed(f"there is no transcript {transcript}", "name a file that was recorded")
        found.update(hashlib.sha256(transcript.read_bytes()).digest())
    return found.hexdigest()
