"""What the tests of the embedded servers do with processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from local import Workspace
from local.records import State

PROCESSES = Path("/proc")


def state_of(workspace: Workspace, name: str) -> State:
    """What the supervisor of a server says."""
    return State.model_validate_json(workspace.run_file(f"{name}.json").read_text())


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a Python process, as another command of the workspace would be."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outputs(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    """The outputs of processes that all end well."""
    found = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), [errors for _, errors in found]
    return [output.strip() for output, _ in found]


def naming(text: str) -> list[int]:
    """Living processes whose command line contains a text."""
    found = []
    for folder in PROCESSES.iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if text in (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                    found.append(int(folder.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def kill(*pids: int | None) -> None:
    """End processes at once, as the kernel does when memory is out; return when they are gone."""
    found = [pid for pid in pids if pid is not None]
    assert len(found) == len(pids)
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(_runs(pid) for pid in found))


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that has to come; a wait without end is a failure."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come within a minute"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        status = (PROCESSES / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
