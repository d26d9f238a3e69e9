"""The supervisor of one server: starts it, says where it is, starts it again when it dies, stops it cleanly.

Run as `python -m local.supervisor WORKSPACE SERVICE OPTIONS-AS-JSON`. It holds `run/<service>.lock` as long as it
lives, so there is one at most; `run/<service>.json` tells its state to everybody.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from local.errors import LocalError
from local.services import SERVICES, Address, Service
from local.workspace import Workspace

MOST_RESTARTS = 5
"""Restarts within `CALM_SECONDS` after which a server is given up."""
CALM_SECONDS = 60.0
START_SECONDS = 60.0
STOP_SECONDS = 15.0


class Supervisor:
    """Keeps one server running."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._workspace = service.workspace
        self._file = self._workspace.path / "run" / f"{service.name}.json"
        self._stopping = False
        self._deaths: list[float] = []
        self._restarts = 0
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Supervise until asked to stop; return the exit code."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._service.make()
            while not self._stopping:
                address = self._start()
                if address is not None:
                    self._tell("running", address)
                    self._wait()
                if not self._stopping and not self._may_restart():
                    self._tell("failed", {}, f"it died {MOST_RESTARTS} times in a minute")
                    return 1
        except LocalError as fault:
            self._tell("failed", {}, f"{fault.message}. {fault.hint}")
            return 1
        self._file.unlink(missing_ok=True)
        return 0

    def _start(self) -> Address | None:
        """Start the server and return its address, or None when it died or never answered."""
        log = os.open(self._workspace.log(self._service.name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        offset = self._workspace.path / "run" / f"{self._service.name}.offset"
        offset.write_text(str(os.lseek(log, 0, os.SEEK_END)))
        self._child = self._service.start(log)
        os.close(log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._child.poll() is None and not self._stopping:
            address = self._service.probe()
            if address is not None:
                return address
            time.sleep(0.02)
        self._end_child()
        return None

    def _wait(self) -> None:
        assert self._child is not None  # noqa: S101 - `_start` has set it
        while self._child.poll() is None and not self._stopping:
            time.sleep(0.1)
        if self._stopping:
            self._end_child()

    def _end_child(self) -> None:
        child = self._child
        if child is None or child.poll() is not None:
            return
        child.send_signal(self._service.end_signal)
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _may_restart(self) -> bool:
        now = time.monotonic()
        self._deaths = [death for death in self._deaths if now - death < CALM_SECONDS] + [now]
        if len(self._deaths) > MOST_RESTARTS:
            return False
        self._restarts += 1
        time.sleep(min(0.2 * 2 ** (len(self._deaths) - 1), 5.0))
        return True

    def _tell(self, state: str, address: Address, detail: str = "") -> None:
        content = {
            "state": state,
            "pid": os.getpid(),
            "child": self._child.pid if self._child else None,
            "address": address,
            "restarts": self._restarts,
            "since": datetime.now(UTC).isoformat(),
            "detail": detail,
        }
        fresh = self._file.with_suffix(".new")
        fresh.touch(0o600)
        fresh.write_text(json.dumps(content))
        fresh.rename(self._file)
        port = str(address.get("url", "")).rpartition(":")[2]
        if port.isdigit():
            (self._workspace.path / "run" / f"{self._service.name}.port").write_text(port)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def main(path: str, name: str, options: str) -> int:
    """Become the supervisor of a service, unless there is one."""
    os.umask(0o077)
    workspace = Workspace(Path(path))
    lock = os.open(workspace.path / "run" / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    return Supervisor(SERVICES[name](workspace, json.loads(options))).run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
