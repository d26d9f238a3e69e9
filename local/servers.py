"""The embedded servers from outside: started on demand by whoever comes first, shared, stopped by the last."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from local.arcade import DATABASE, READER
from local.errors import ServerFailed, WorkspaceUnusable
from local.services import SERVICES, Address
from local.workspace import Workspace, is_held

WAIT_SECONDS = 90.0
LOG_TAIL = 1500
STOP_ORDER = ("replay", "forge", "graph", "postgres")


class Record(BaseModel):
    """Base of the records."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GraphAddress(Record):
    """One way into the graph."""

    uri: str
    user: str
    password: str
    database: str
    read_only: bool


class ForgeAddress(Record):
    """The local code host."""

    url: str
    api_url: str
    admin_token: str


class ServiceStatus(Record):
    """How one server is."""

    name: str
    state: Literal["running", "stopped", "failed"]
    pid: int | None = None
    address: str = ""
    restarts: int = 0
    detail: str = ""


def ensure_postgres(workspace: Workspace) -> str:
    """Return the address of the workspace's PostgreSQL, starting it where it does not run."""
    return str(_ensure(workspace, "postgres")["url"])


def ensure_graph(workspace: Workspace) -> tuple[GraphAddress, GraphAddress]:
    """Return the writing and the reading way into the workspace's graph, starting it where it does not run."""
    uri = str(_ensure(workspace, "graph")["uri"])
    writer = GraphAddress(uri=uri, user="root", password=workspace.secret("graph"), database=DATABASE, read_only=False)
    reader = GraphAddress(
        uri=uri, user=READER, password=workspace.secret("graph-reader"), database=DATABASE, read_only=True
    )
    return writer, reader


def ensure_forge(workspace: Workspace, port: int = 0) -> ForgeAddress:
    """Return the address of the workspace's code host, starting it where it does not run."""
    url = str(_ensure(workspace, "forge", {"port": str(port)} if port else {})["url"])
    return ForgeAddress(url=url, api_url=f"{url}/api/v3", admin_token=workspace.secret("forge-admin"))


def ensure_replay(workspace: Workspace, *transcripts: Path) -> str:
    """Return the base URL of a replay of these transcripts."""
    options = {"transcript": os.pathsep.join(str(transcript.absolute()) for transcript in transcripts)}
    return str(_ensure(workspace, "replay", options)["base_url"])


def status(workspace: Workspace) -> list[ServiceStatus]:
    """Return how each server of the workspace is."""
    return [_status(workspace, name) for name in SERVICES]


def stop(workspace: Workspace, names: Sequence[str] | None = None) -> None:
    """Stop servers cleanly, all of them where none are named; return when they have ended."""
    for name in STOP_ORDER:
        if names is None or name in names:
            _stop(workspace, name)


@contextmanager
def using(workspace: Workspace, keep: bool = False) -> Iterator[None]:
    """Count as a user of the workspace; the last one out stops its servers, unless one of them says ``keep``."""
    file = workspace.path / "run" / "users.lock"
    kept = workspace.path / "run" / "kept"
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        raise WorkspaceUnusable(f"{file} cannot be opened: {fault.strerror}", "is the disk full?") from fault
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if keep:
        kept.touch(0o600)
    try:
        yield
    finally:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not kept.exists():
                stop(workspace)
        except BlockingIOError:
            pass  # others still use it
        finally:
            os.close(descriptor)


def _ensure(workspace: Workspace, name: str, options: dict[str, str] | None = None) -> Address:
    deadline = time.monotonic() + WAIT_SECONDS
    supervisor: subprocess.Popen[bytes] | None = None
    while time.monotonic() < deadline:
        state = _state(workspace, name)
        if state is not None and state["state"] == "running":
            address = state["address"]
            return address if isinstance(address, dict) else {}
        held = is_held(workspace.path / "run" / f"{name}.lock")
        if not held and supervisor is not None and supervisor.poll() is not None:
            break
        if not held and supervisor is None:
            (workspace.path / "run" / f"{name}.json").unlink(missing_ok=True)
            supervisor = _spawn(workspace, name, options or {})
        time.sleep(0.02)
    raise _failure(workspace, name)


def _spawn(workspace: Workspace, name: str, options: dict[str, str]) -> subprocess.Popen[bytes]:
    log = os.open(workspace.log(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "local.supervisor", str(workspace.path), name, json.dumps(options)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    finally:
        os.close(log)


def _state(workspace: Workspace, name: str) -> dict[str, JsonValue] | None:
    """Return what a living supervisor says, or None."""
    if not is_held(workspace.path / "run" / f"{name}.lock"):
        return None
    try:
        state = json.loads((workspace.path / "run" / f"{name}.json").read_text())
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) else None


def _status(workspace: Workspace, name: str) -> ServiceStatus:
    state = _state(workspace, name)
    if state is not None:
        address = state["address"] if isinstance(state["address"], dict) else {}
        shown = str(address.get("uri") or address.get("base_url") or address.get("url", ""))
        return ServiceStatus(
            name=name,
            state="running" if state["state"] == "running" else "failed",
            pid=int(str(state["pid"])),
            address="Unix socket" if name == "postgres" and shown else shown,
            restarts=int(str(state["restarts"])),
            detail=str(state["detail"]),
        )
    file = workspace.path / "run" / f"{name}.json"
    if file.exists() and '"failed"' in file.read_text():
        return ServiceStatus(name=name, state="failed", detail=str(json.loads(file.read_text())["detail"]))
    return ServiceStatus(name=name, state="stopped")


def _stop(workspace: Workspace, name: str) -> None:
    state = _state(workspace, name)
    if state is None:
        return
    try:
        os.kill(int(str(state["pid"])), signal.SIGTERM)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + 30
    while is_held(workspace.path / "run" / f"{name}.lock"):
        if time.monotonic() > deadline:
            raise ServerFailed(f"the {name} server does not stop", f"its log is {workspace.log(name)}")
        time.sleep(0.02)


def _failure(workspace: Workspace, name: str) -> ServerFailed:
    file = workspace.path / "run" / f"{name}.json"
    detail = ""
    if file.exists():
        detail = str(json.loads(file.read_text()).get("detail", ""))
    log = workspace.log(name)
    tail = log.read_text(errors="replace")[-LOG_TAIL:].strip() if log.exists() else ""
    return ServerFailed(f"the {name} server does not start: {detail or tail or 'no word from it'}", f"its log is {log}")
