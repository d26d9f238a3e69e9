"""The supervisor of one server: starts it, says where it is, starts it again when it dies, stops it cleanly.

Run by `local.starting` as `python -m local.supervisor WORKSPACE SERVICE OPTIONS-AS-JSON LOCK-DESCRIPTOR`. The
descriptor holds `run/<service>.lock`, which proves that there is one supervisor; `run/<service>.json` tells its state.
The server itself holds `run/<service>.guard`, which proves that nothing of an earlier one still writes the data.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from pydantic import JsonValue

from local.errors import LocalError, ServerFailed, WorkspaceUnusable
from local.locks import try_lock
from local.records import State
from local.service import Address, Service
from local.services import SERVICES
from local.workspace import Workspace, write_private

MOST_DEATHS = 5
"""Deaths within `CALM_SECONDS` after which a server that has run is given up."""
MOST_START_TRIES = 2
"""Tries after which a server that has never run is given up."""
CALM_SECONDS = 60.0
START_SECONDS = 120.0
"""A PostgreSQL that recovers from a crash may need a while."""
STOP_SECONDS = 20.0
PROBE_SECONDS = 0.02
LOOK_SECONDS = 5.0
"""Between two looks whether the workspace is still there: somebody may remove it, and make it anew."""
LOG_TAIL = 1200

logger = logging.getLogger(__name__)


class Supervisor:
    """Keeps one server running."""

    def __init__(self, service: Service, lock: int) -> None:
        """`lock` is the descriptor that proves that there is one supervisor of the service."""
        self._service = service
        self._lock = lock
        self._workspace = service.workspace
        self._stopping = False
        self._deaths: list[float] = []
        self._has_run = False
        self._restarts = 0
        self._offset = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._wakeup = _wakeup_pipe()

    def run(self) -> int:
        """Supervise until asked to stop; return the exit code."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # only to wake this process up
        try:
            self._tell("starting")
            self._service.make()
            self._keep_running()
        except LocalError as fault:
            self._tell("failed", fault=type(fault).__name__, detail=fault.message, hint=fault.hint)
            return 1
        except OSError as fault:
            logger.error("the supervisor cannot go on: %s", fault)
            self._end_child()
            with suppress(OSError):  # where even this cannot be written, the log or the free space tells
                detail = f"the {self._service.name} server cannot be kept running: {fault}"
                self._tell("failed", fault=WorkspaceUnusable.__name__, detail=detail, hint="free some disk space")
            return 1
        if self._has_workspace():
            self._workspace.run_file(f"{self._service.name}.json").unlink(missing_ok=True)
        return 0

    def _keep_running(self) -> None:
        while not self._stopping:
            address = self._start()
            if address is not None:
                self._has_run = True
                self._tell("running", address)
                logger.info("%s runs as process %s", self._service.name, self._child.pid if self._child else None)
                while self._child is not None and self._child.poll() is None and not self._stopping:
                    self._sleep(LOOK_SECONDS)
                    self._stop_without_workspace()
            outcome = self._end_child()
            self._stop_without_workspace()
            if not self._stopping:
                self._prepare_restart(outcome)

    def _stop_without_workspace(self) -> None:
        if not self._has_workspace():  # never assigned otherwise: a signal during the look would be forgotten
            self._stopping = True

    def _has_workspace(self) -> bool:
        """Whether the folder is the one this supervisor was started for; another one has a supervisor of its own."""
        try:
            there = self._workspace.run_file(f"{self._service.name}.lock").stat()
        except OSError:
            return False
        return os.path.samestat(os.fstat(self._lock), there)

    def _start(self) -> Address | None:
        """Start the server and return its address, or None when it died or never answered."""
        guard = self._guard()
        log = os.open(self._workspace.log(self._service.name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._offset = os.lseek(log, 0, os.SEEK_END)
            write_private(self._workspace.run_file(f"{self._service.name}.offset"), str(self._offset))
            self._child = self._service.start(log, guard)
        finally:
            os.close(log)
            os.close(guard)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._child.poll() is None and not self._stopping:
            address = self._service.probe()
            if address is not None:
                return address
            self._sleep(PROBE_SECONDS)
        return None

    def _guard(self) -> int:
        """Return a lock that the server will hold, once every process of an earlier server has ended."""
        file = self._workspace.run_file(f"{self._service.name}.guard")
        deadline = time.monotonic() + STOP_SECONDS
        while (descriptor := try_lock(file)) is None:
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"an earlier {self._service.name} server has lost its supervisor and still runs",
                    f"end the processes that have {file} open (fuser {file})",
                )
            self._sleep(PROBE_SECONDS)
        return descriptor

    def _end_child(self) -> str:
        """End the server where it still runs; return how it ended."""
        child = self._child
        if child is None:
            return "it was not started"
        if child.poll() is not None:
            code = child.returncode
            return f"it was killed by signal {-code}" if code < 0 else f"it ended by itself with exit code {code}"
        child.send_signal(self._service.end_signal)
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            logger.warning("%s does not stop within %s s: killed", self._service.name, STOP_SECONDS)
            child.kill()
            child.wait()
        return f"it did not answer within {START_SECONDS:.0f} s"

    def _prepare_restart(self, outcome: str) -> None:
        """Wait a little before the next start; raises `ServerFailed` after too many deaths."""
        now = time.monotonic()
        self._deaths = [death for death in self._deaths if now - death < CALM_SECONDS] + [now]
        most = MOST_DEATHS if self._has_run else MOST_START_TRIES
        if len(self._deaths) >= most:
            raise ServerFailed(
                f"the {self._service.name} server is given up after {len(self._deaths)} deaths: {outcome}; "
                f"its log ends:\n{self._log_tail()}",
                f"the whole log is {self._workspace.log(self._service.name)}",
            )
        self._restarts += 1
        logger.warning("%s: %s; started again", self._service.name, outcome)
        self._tell("starting", detail=f"{outcome}; started again")
        deadline = now + min(0.2 * 2 ** (len(self._deaths) - 1), 5.0)
        while not self._stopping and (left := deadline - time.monotonic()) > 0:
            self._sleep(left)

    def _log_tail(self) -> str:
        with self._workspace.log(self._service.name).open("rb") as log:
            log.seek(max(self._offset, log.seek(0, os.SEEK_END) - LOG_TAIL))
            return log.read().decode("utf-8", "replace").strip() or "(it is empty)"

    def _tell(self, state: str, address: Address | None = None, **words: str) -> None:
        if not self._has_workspace():
            return
        told: dict[str, JsonValue] = {
            "state": state,
            "pid": os.getpid(),
            "child": self._child.pid if self._child else None,
            "address": dict(address or {}),
            "options": dict(self._service.options),
            "restarts": self._restarts,
            "since": datetime.now(UTC).isoformat(),
            **words,
        }
        name = self._service.name
        write_private(self._workspace.run_file(f"{name}.json"), State.model_validate(told).model_dump_json())
        port = str((address or {}).get("url", "")).removesuffix("/v1").rpartition(":")[2]
        if port.isdigit():
            write_private(self._workspace.run_file(f"{name}.port"), port)

    def _sleep(self, seconds: float) -> None:
        """Sleep until the time is over or a signal came, such as that of the child's end."""
        if select.select([self._wakeup], [], [], seconds)[0]:
            os.read(self._wakeup, 4096)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def _wakeup_pipe() -> int:
    """Return a descriptor that can be read after each signal, also one that came just before the sleep."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def main(path: str, name: str, options: str, lock: str) -> int:
    """Become the supervisor of a service: leave the parent, keep the lock."""
    os.umask(0o077)
    if os.fork() != 0:
        os._exit(0)  # nobody has to wait for the one that stays
    os.setsid()
    os.set_inheritable(int(lock), False)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    return Supervisor(SERVICES[name](Workspace(Path(path)), json.loads(options)), int(lock)).run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
