"""Running one process on this host: time limit, output limit, the whole group killed.

Standard output and error go into one pipe, so that they keep their order. Of a long output the head and
the tail are kept and the middle is dropped while it arrives, so that memory stays bounded.
"""

import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from devctl.records import Record

TIMED_OUT = 124
"""The exit status reported for a command that was killed at its time limit."""
_CHUNK = 65_536
_LONGEST_WAIT = 86_400.0
"""Seconds; the kernel's calls take no more than some weeks."""
_DRAIN_SECONDS = 1.0


class Job(Record):
    """A process to run on this host."""

    argv: tuple[str, ...]
    env: dict[str, str] = {}
    """All that it sees of the environment's variables."""
    stdin: bytes | None = None
    """What it reads; None gives it an empty input."""
    cwd: Path = Path("/")
    seconds: float | None = None
    """Time limit; None lets it run until it ends or is cancelled."""
    output_bytes: int = 200_000
    pass_fds: tuple[int, ...] = ()


class Finished(Record):
    """How a process ended."""

    exit_code: int
    output: bytes
    omitted: int
    """Bytes cut out of the middle of the output."""
    timed_out: bool
    seconds: float

    @property
    def text(self) -> str:
        """The output, with replacement characters for what is not UTF-8."""
        return self.output.decode("utf-8", "replace")


class MiddleCut:
    """The head and the tail of a stream of bytes; keeps at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._head_limit = limit // 2
        self._tail_limit = limit - self._head_limit
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.omitted = 0
        self._lock = threading.Lock()

    def add(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        with self._lock:
            room = self._head_limit - len(self._head)
            self._head += data[:room]
            rest = data[room:] if room < len(data) else b""
            if not rest:
                return
            self._tail.append(rest)
            self._tail_size += len(rest)
            while self._tail_size > self._tail_limit:
                self._shorten(self._tail_size - self._tail_limit)

    def _shorten(self, excess: int) -> None:
        first = self._tail.popleft()
        dropped = min(excess, len(first))
        if dropped < len(first):
            self._tail.appendleft(first[dropped:])
        self._tail_size -= dropped
        self.omitted += dropped

    def value(self) -> bytes:
        """The stream so far; a line in the middle counts the bytes left out."""
        with self._lock:
            middle = f"\n[... {self.omitted} bytes omitted ...]\n".encode() if self.omitted else b""
            return bytes(self._head) + middle + b"".join(self._tail)


class Running:
    """A started process whose output is being collected; `wait` must be called by the starting thread.

    The sandbox dies with the thread that started it, so one thread starts, collects and waits.
    """

    def __init__(self, job: Job, source: int | None = None) -> None:
        """Start the process; `source` is a descriptor that it reads in place of the job's own input."""
        self.job = job
        self.output = MiddleCut(job.output_bytes)
        self.started = time.monotonic()
        self._seconds = job.seconds
        self._cancelled = threading.Event()
        with ExitStack() as stack:
            if source is None and job.stdin is not None:
                file = stack.enter_context(tempfile.TemporaryFile())
                file.write(job.stdin)
                file.seek(0)
                source = file.fileno()
            self.process = subprocess.Popen(
                job.argv,
                stdin=subprocess.DEVNULL if source is None else source,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=job.env,
                cwd=job.cwd,
                pass_fds=job.pass_fds,
                start_new_session=True,
            )

    def begin(self, seconds: float | None) -> None:
        """Count time from now, and limit it: what was started waited for its work until here."""
        self.started = time.monotonic()
        self._seconds = seconds

    def cancel(self) -> None:
        """Kill the process with its group; may be called from any thread."""
        self._cancelled.set()
        kill_group(self.process)

    def wait(self) -> Finished:
        """Collect the output until the process has ended or its time is up, and reap it."""
        late = self._collect()
        if late:
            kill_group(self.process)
            self._collect(_DRAIN_SECONDS)
        self._ended(block=True)
        kill_group(self.process)  # before it is reaped, while its number still names its group
        code = self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        timed_out = late and not self._cancelled.is_set()
        return Finished(
            exit_code=TIMED_OUT if timed_out else code if code >= 0 else 128 - code,
            output=self.output.value(),
            omitted=self.output.omitted,
            timed_out=timed_out,
            seconds=time.monotonic() - self.started,
        )

    def _collect(self, seconds: float | None = None) -> bool:
        """Read to the end of the output; True when the time was up first."""
        limit = self._seconds if seconds is None else seconds
        begin = self.started if seconds is None else time.monotonic()
        pipe = self.process.stdout
        if pipe is None:
            return False
        ended_at: float | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                left = 0.2 if limit is None else begin + limit - time.monotonic()
                if left <= 0:
                    return True
                if selector.select(min(left, 0.2)):
                    data = os.read(pipe.fileno(), _CHUNK)
                    if not data:
                        return self._outlives_its_output(begin, limit)
                    self.output.add(data)
                elif self._ended():
                    # the program has ended but something it left behind holds the pipe open
                    ended_at = ended_at or time.monotonic()
                    if time.monotonic() - ended_at > _DRAIN_SECONDS:
                        return False

    def _outlives_its_output(self, begin: float, limit: float | None) -> bool:
        """Wait for a process that closed its output; True when its time was up first."""
        try:
            handle = os.pidfd_open(self.process.pid)
        except (AttributeError, OSError):  # no Linux, or a host that forbids it
            return self._polled(begin, limit)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(handle, selectors.EVENT_READ)
                while True:
                    left = _LONGEST_WAIT if limit is None else max(0.0, begin + limit - time.monotonic())
                    if selector.select(min(left, _LONGEST_WAIT)):
                        return False
                    if left < _LONGEST_WAIT:
                        return True
        finally:
            os.close(handle)

    def _polled(self, begin: float, limit: float | None) -> bool:
        pause = 0.0005
        while not self._ended():
            if limit is not None and time.monotonic() > begin + limit:
                return True
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        return False

    def _ended(self, block: bool = False) -> bool:
        """Tell whether the process has ended, without reaping it."""
        options = os.WEXITED | os.WNOWAIT | (0 if block else os.WNOHANG)
        return os.waitid(os.P_PID, self.process.pid, options) is not None


def run(job: Job, started: Callable[[Running], None] | None = None) -> Finished:
    """Run a process to its end; `started` hears of it as soon as it runs."""
    running = Running(job)
    if started is not None:
        started(running)
    return running.wait()


def run_tool(argv: Sequence[str], env: Mapping[str, str] | None = None, seconds: float = 20.0) -> Finished:
    """Run a small trusted program of this host and return how it ended."""
    return run(Job(argv=tuple(argv), env=dict(env or {"PATH": os.defpath}), seconds=seconds))


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with its group; one that was reaped already is left alone."""
    if process.returncode is not None:
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
