"""Ports inside sandboxes whose network stays closed: a small program of ours enters the network alone."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

from devctl.errors import ServeFailed
from devctl.inside import connect

_FIRST_SECONDS = 15.0


def connect_inside(name: str, pids: list[int], port: int) -> socket.socket:
    """Return a stream to a port in the network of one of the commands with these numbers; raises ServeFailed."""
    for pid in pids:
        inner = _inner(pid)
        if inner is not None and (found := _connect(inner, port)) is not None:
            return found
    raise ServeFailed(f"nothing listens on port {port} in {name!r}", "", "start the server, then connect")


def _connect(pid: int, port: int) -> socket.socket | None:
    ours, theirs = socket.socketpair()
    with theirs:
        argv = [shutil.which("nsenter") or "/usr/bin/nsenter", "--target", str(pid), "--net"]
        if os.geteuid() != 0:
            argv += ["--user", "--preserve-credentials"]
        process = subprocess.Popen(
            [*argv, "--", sys.executable, "-I", connect.__file__, str(port)],
            stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL, env={"PATH": os.defpath}, start_new_session=True,
        )  # fmt: skip
    ours.settimeout(_FIRST_SECONDS)
    first = b""
    with contextlib.suppress(OSError):
        first = ours.recv(1)
    if first == b"\0":
        ours.settimeout(None)
        _reap_later(process)
        return ours
    ours.close()
    process.kill()
    process.wait()
    return None


def _reap_later(process: subprocess.Popen[bytes]) -> None:
    """Wait for the program in a thread; it ends when either side has."""
    threading.Thread(target=process.wait, name="reap", daemon=True).start()


def _inner(pid: int) -> int | None:
    """The process below one of ours that lives in a network of its own."""
    ours = os.readlink("/proc/self/ns/net")  # noqa: PTH115 - its text, not the file
    waiting = [pid]
    while waiting:
        current = waiting.pop(0)
        try:
            if os.readlink(f"/proc/{current}/ns/net") != ours:  # noqa: PTH115 - its text, not the file
                return current
            for children in Path(f"/proc/{current}/task").glob("*/children"):
                waiting += [int(child) for child in children.read_text().split()]
        except OSError:
            continue
    return None
