"""A sandbox that is started before its command is known, so that a command need not wait for it.

Laying out namespaces and mounts takes several times as long as most commands. While one command runs, the sandbox
for the next is laid out; its shell waits at a pipe for what to do. Each sandbox still runs one command only.
"""

from __future__ import annotations

import os
import shlex
import threading
from pathlib import Path

from devctl.capture import Job, Running
from devctl.cgroups import Group
from devctl.inside import prelude
from devctl.records import Command
from devctl.sandbox import SAFE_PATH, Sandbox, exports, launching, limiting, processor_seconds
from devctl.sandboxed_run import SandboxedRun

_BELOW = 65_536
"""Bytes of a script that a pipe takes without anybody reading; longer ones are not handed over this way."""


class Standby:
    """One sandbox that waits for its command; it dies with the thread that made it."""

    def __init__(self, sandbox: Sandbox, group: Group | None, work: Path) -> None:
        self._sandbox = sandbox
        self._work = work
        self._inode = work.stat().st_ino
        self._thread = threading.get_ident()
        self.note: Path | None = None
        """Where its process is written down; taken back when it is closed."""
        self._script, script_end = _pipe()
        self._status, told = os.pipe()
        with launching(sandbox, group, told) as (front, inherited):
            job = Job(
                argv=(*front, *limiting(sandbox, None), "/bin/sh"),
                env={"PATH": SAFE_PATH},
                output_bytes=sandbox.limits.output_bytes,
                pass_fds=(*inherited, told),
            )
            self.running = Running(job, source=script_end)
        os.close(told)
        os.close(script_end)

    @property
    def is_mine(self) -> bool:
        """Whether this thread made it, and so may use it."""
        return self._thread == threading.get_ident()

    def usable_for(self, command: Command) -> bool:
        """Whether this sandbox can run the command: alive, of this thread, on the folder as it is now."""
        return (
            command.stdin is None
            and self.is_mine
            and self.running.process.poll() is None
            and self._work.is_dir()
            and self._work.stat().st_ino == self._inode
            and len(self._words(command)) < _BELOW
        )

    def hand_over(self, command: Command) -> SandboxedRun | None:
        """Have the command run; None when the sandbox has died meanwhile."""
        self.running.begin(command.seconds)
        try:
            os.write(self._script, self._words(command))
        except BrokenPipeError:
            return None
        finally:
            self._close_script()
        return SandboxedRun(self.running, self._status)

    def close(self) -> None:
        """Kill it, unless its command has run, and close what it holds; safe to repeat."""
        self._close_script()
        if self.running.process.returncode is None:
            self.running.cancel()
            self.running.wait()
        if self.note is not None:
            self.note.unlink(missing_ok=True)
        if self._status >= 0:
            os.close(self._status)
            self._status = -1

    def _close_script(self) -> None:
        if self._script >= 0:
            os.close(self._script)
            self._script = -1

    def _words(self, command: Command) -> bytes:
        """Return the shell's script: it is read whole before its first line runs, then the input is closed."""
        limit = processor_seconds(self._sandbox, command.seconds) if command.seconds is not None else "unlimited"
        lines = [
            "{ exec </dev/null",
            exports({**self._sandbox.env, **command.env}),
            f"ulimit -t {limit}",
            f"set -- {shlex.join((command.cwd, *command.argv))}",
            prelude.SCRIPT,
            "}",
        ]
        return "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n"


def _pipe() -> tuple[int, int]:
    """Return the writing and the reading end of a pipe."""
    read, write = os.pipe()
    return write, read
