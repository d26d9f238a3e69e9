"""Starting on demand: whoever comes first takes the lock, starts the supervisor and hands the lock to it."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import time
from pathlib import Path

from pydantic import ValidationError

from local.errors import LocalError, PlatformUnsupported, ServerFailed, WorkspaceUnusable
from local.locks import is_held, try_lock
from local.records import State
from local.service import python_module
from local.settings import server_environment
from local.workspace import Workspace, require_room

WAIT_SECONDS = 180.0
STOP_SECONDS = 45.0
POLL_SECONDS = 0.02
MOST_STARTS = 5
"""Supervisors that one caller starts; they may be stopped or killed by others meanwhile."""
LARGEST_LOG = 10_000_000
"""Bytes; a longer log is set aside as `<service>.log.1` when the server is started."""
LOG_TAIL = 1200
FAULTS: dict[str, type[LocalError]] = {
    fault.__name__: fault for fault in (ServerFailed, PlatformUnsupported, WorkspaceUnusable)
}

logger = logging.getLogger(__name__)


def start_service(workspace: Workspace, name: str, options: dict[str, str] | None = None) -> State:
    """Return the state of a running server, starting it where it does not run; raises a `LocalError`.

    Any number of processes may call this at once: one of them starts the server, the others wait for it.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    starts = 0
    awaited: int | None = None
    while time.monotonic() < deadline:
        state = living_state(workspace, name)
        if state is not None and state.state == "running":
            return state
        if state is not None:
            awaited = state.pid
        lock = None if state is not None else try_lock(_lock_file(workspace, name))
        if lock is not None:
            try:
                left = _written_state(workspace, name)
                failed = left is not None and left.state == "failed" and (starts > 0 or left.pid == awaited)
                if failed or starts == MOST_STARTS:
                    raise _failure(workspace, name, left)
                _spawn(workspace, name, options or {}, lock)
                starts += 1
            finally:
                os.close(lock)
        time.sleep(POLL_SECONDS)
    raise _failure(workspace, name, _written_state(workspace, name))


def stop_service(workspace: Workspace, name: str) -> None:
    """Stop a server and its supervisor cleanly; return when they have ended. Raises `ServerFailed`.

    One that somebody starts meanwhile is left alone: whoever starts it wants it.
    """
    deadline = time.monotonic() + STOP_SECONDS
    asked: int | None = None
    while is_held(_lock_file(workspace, name)):
        state = living_state(workspace, name)
        if state is not None and asked is not None and state.pid != asked:
            return
        if state is not None and asked is None:
            asked = state.pid
            logger.info("stopping the %s server, process %s", name, asked)
            _terminate(asked)
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"the {name} server (process {asked}) does not stop", f"its log is {workspace.log(name)}"
            )
        time.sleep(POLL_SECONDS)


def living_state(workspace: Workspace, name: str) -> State | None:
    """Return what a living supervisor says, or None; what a killed one has left is not believed."""
    if not is_held(_lock_file(workspace, name)):
        return None
    state = _written_state(workspace, name)
    return state if state is not None and _lives(state.pid) else None


def last_failure(workspace: Workspace, name: str) -> State | None:
    """Return the last word of a supervisor that gave up, if there is no newer one."""
    state = _written_state(workspace, name)
    return state if state is not None and state.state == "failed" else None


def _lock_file(workspace: Workspace, name: str) -> Path:
    return workspace.run_file(f"{name}.lock")


def _written_state(workspace: Workspace, name: str) -> State | None:
    try:
        return State.model_validate_json(workspace.run_file(f"{name}.json").read_text())
    except (OSError, ValidationError):
        return None


def _spawn(workspace: Workspace, name: str, options: dict[str, str], lock: int) -> None:
    """Start a supervisor that takes over the lock; it leaves this process, so nobody has to wait for its end."""
    require_room(workspace.path)
    workspace.run_file(f"{name}.json").unlink(missing_ok=True)
    log = _open_log(workspace.log(name))
    logger.info("starting the %s server of %s", name, workspace.path)
    try:
        subprocess.run(
            python_module("local.supervisor", str(workspace.path), name, json.dumps(options), str(lock)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=server_environment(),
            cwd=workspace.path,
            pass_fds=(lock,),
            timeout=WAIT_SECONDS,
        )
    except subprocess.TimeoutExpired as fault:
        raise ServerFailed(
            f"the supervisor of the {name} server does not start within {WAIT_SECONDS:.0f} s",
            "is the machine too busy?",
        ) from fault
    finally:
        os.close(log)


def _open_log(file: Path) -> int:
    try:
        if file.exists() and file.stat().st_size > LARGEST_LOG:
            file.rename(file.with_suffix(".log.1"))
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as fault:
        raise WorkspaceUnusable(
            f"the log {file} cannot be written: {fault.strerror}", "mend the rights of the workspace folder"
        ) from fault


def _failure(workspace: Workspace, name: str, state: State | None) -> LocalError:
    if state is not None and state.state == "failed":
        return FAULTS.get(state.fault, ServerFailed)(state.detail, state.hint)
    try:
        require_room(workspace.path)
    except WorkspaceUnusable as fault:
        return fault
    log = workspace.log(name)
    tail = log.read_text(errors="replace")[-LOG_TAIL:].strip() if log.exists() else ""
    return ServerFailed(f"the {name} server does not start; its log ends:\n{tail or '(it is empty)'}", f"see {log}")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _terminate(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        logger.debug("process %s has just ended", pid)
