"""Running a program on this host: an argument list, limits on time and output, its whole group killed."""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.record import Record

ERROR_BYTES = 20_000
"""Bytes of standard error that are kept."""


class Finished(Record):
    """How a program ended."""

    status: int
    """Exit status; negative for the signal that ended it."""
    stdout: bytes
    stderr: bytes
    timed_out: bool = False
    overran: bool = False
    """True when it was killed because its output passed the limit; `stdout` holds the first part."""


def run_program(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    given: bytes = b"",
    seconds: float,
    limit: int,
    inherited: Sequence[int] = (),
) -> Finished:
    """Run a program to its end with `given` as its input; raises FileNotFoundError when there is none.

    `env` is all that it sees of the environment; `inherited` are file descriptors that it may read.
    """
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as errors:
        source.write(given)
        source.seek(0)
        process = subprocess.Popen(
            argv,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=cwd,
            env=dict(env),
            start_new_session=True,
            pass_fds=inherited,
        )
        stdout, timed_out = _read_to_the_end(process, seconds, limit)
        errors.seek(0)
        return Finished(
            status=process.returncode,
            stdout=stdout[:limit],
            stderr=errors.read(ERROR_BYTES),
            timed_out=timed_out,
            overran=len(stdout) > limit,
        )


def _read_to_the_end(process: "subprocess.Popen[bytes]", seconds: float, limit: int) -> tuple[bytes, bool]:
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill_group(process)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        pipe = process.stdout
        stdout = pipe.read(limit + 1) if pipe else b""
        if len(stdout) > limit:
            _kill_group(process)
        process.wait()
    finally:
        timer.cancel()
        _kill_group(process)
        if process.stdout:
            process.stdout.close()
    return stdout, late.is_set()


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill the program's group, whose leader it is; once it has been waited for, its id may be another's."""
    if process.returncode is not None:
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # all gone; macOS says the latter for a group of zombies
        return
