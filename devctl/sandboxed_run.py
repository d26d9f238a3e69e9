"""One command that runs under bubblewrap, from its start to what it came to."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from devctl.capture import Finished, Job, Running, kill_group
from devctl.cgroups import Group
from devctl.entrance import Entrance
from devctl.errors import SandboxFailed
from devctl.records import Command, ExecResult
from devctl.sandbox import SAFE_PATH, Sandbox, command_line, process_limits

CONTROLLED = frozenset({"memory", "pids"})
"""What a control group must limit so that a sandbox can be let in: else its processes are limited by a program."""


@contextmanager
def started(sandbox: Sandbox, command: Command, group: Group | None) -> Iterator["SandboxedRun"]:
    """Start a command; the caller, in this same thread, must call `wait` before leaving."""
    status, told = os.pipe()
    descriptors = [status, told]
    try:
        with ExitStack() as stack:
            entrance: Entrance | None = None
            if group is not None and may_be_let_in(sandbox, group):
                entrance = stack.enter_context(Entrance(group, process_limits(sandbox, command.seconds)))
            argv, inherited = stack.enter_context(command_line(sandbox, command, group, told, entrance))
            job = Job(
                argv=argv,
                env={"PATH": SAFE_PATH},
                stdin=command.stdin,
                seconds=command.seconds,
                output_bytes=sandbox.limits.output_bytes,
                pass_fds=inherited,
            )
            running = Running(job)
            os.close(descriptors.pop())  # the only writer left is bubblewrap, so the status ends when it does
            if entrance is not None:
                _let_in(entrance, running, status)
        yield SandboxedRun(running, status)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def may_be_let_in(sandbox: Sandbox, group: Group) -> bool:
    """Whether a sandbox is put into its groups from outside, and not by a program that becomes it.

    Under version 2 joining is quick, and a process that joins by itself does not see the name of its group.
    """
    return group.version == 1 and sandbox.limited >= CONTROLLED


def _let_in(entrance: Entrance, running: Running, status: int) -> None:
    """Let a sandbox in, or kill it; raises SandboxFailed where its groups cannot be joined."""
    try:
        if not entrance.admit(status):
            kill_group(running.process)
    except BaseException as error:
        running.cancel()
        running.wait()
        if isinstance(error, OSError):
            raise SandboxFailed(
                f"the sandbox could not join its control groups: {error}", "run `devctl doctor`"
            ) from error
        raise


class SandboxedRun:
    """A command that runs in a sandbox."""

    def __init__(self, running: Running, status: int) -> None:
        self.running = running
        self._status = status

    def wait(self) -> ExecResult:
        """Wait for the command; raises SandboxFailed when the sandbox broke before the command ran."""
        finished = self.running.wait()
        if finished.exit_code in range(1, 124) and not self._ran():
            raise SandboxFailed(
                f"the sandbox could not start: {finished.text.strip()[-500:] or finished.exit_code}",
                "run `devctl doctor`",
            )
        return result_of(finished)

    def _ran(self) -> bool:
        """Whether bubblewrap reported the command's own status."""
        os.set_blocking(self._status, False)
        try:
            text = os.read(self._status, 65_536).decode()
        except BlockingIOError:
            return False
        return any("exit-code" in json.loads(line) for line in text.splitlines() if line.strip())


def run_in(sandbox: Sandbox, command: Command, group: Group | None = None) -> ExecResult:
    """Run a command to its end."""
    with started(sandbox, command, group) as running:
        return running.wait()


def result_of(finished: Finished) -> ExecResult:
    """Put what a process of this host came to into the words of an environment."""
    return ExecResult(
        exit_code=finished.exit_code,
        output=finished.text,
        timed_out=finished.timed_out,
        truncated=finished.omitted > 0,
        seconds=finished.seconds,
    )
