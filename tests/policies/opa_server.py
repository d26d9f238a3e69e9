"""A real OPA server for the tests, where its program is present: named by OPA_BINARY, or on PATH."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest


def opa_binary() -> str:
    """Return the program, or skip the test."""
    found = os.environ.get("OPA_BINARY") or shutil.which("opa")
    if not found or not Path(found).is_file():
        pytest.skip("no opa program: set OPA_BINARY or put it on PATH to run this on OPA too")
    return found


class OpaProcess:
    """A server on one port that can be stopped and started again, forgetting what it was given."""

    def __init__(self) -> None:
        self._binary = opa_binary()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        address = ["--addr", f"127.0.0.1:{self._port}"]
        self._process = subprocess.Popen(
            [self._binary, "run", "--server", *address, "--disable-telemetry", "--log-level", "error"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(400):
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=2).close()  # noqa: S310 - our own http address
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise AssertionError(f"OPA does not come up at {self.url}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)
            self._process = None
