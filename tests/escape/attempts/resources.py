"""Ways to more than an environment's share; each has an end of its own, so that it does no harm where it works."""

import os
import resource
import signal
import threading
from pathlib import Path

from tests.escape.attempts.attempt import Host, Stopped, attempt, in_child

PROCESSES, MEMORY_MB, FILE_MB = 150, 600, 40
"""Well above the limits that the suite gives its environments."""


@attempt("resources")
def have_too_many_processes(host: Host) -> str:
    children = []
    try:
        for _ in range(PROCESSES):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return f"{len(children)} processes"


@attempt("resources")
def have_too_many_threads(host: Host) -> str:
    done = threading.Event()
    threads: list[threading.Thread] = []
    try:
        for _ in range(PROCESSES):
            thread = threading.Thread(target=done.wait)
            thread.start()
            threads.append(thread)
    except RuntimeError as error:
        raise Stopped(f"{error} after {len(threads)}") from error
    finally:
        done.set()
    return f"{len(threads)} threads"


@attempt("resources")
def use_too_much_memory(host: Host) -> str:
    in_child(lambda: b"\1" * (MEMORY_MB * 2**20))
    return f"{MEMORY_MB} MiB"


@attempt("resources")
def use_too_much_memory_together(host: Host) -> str:
    """Several processes, each below the limit."""
    read, write = os.pipe()
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            taken = b"\1" * (MEMORY_MB // 4 * 2**20)
            os.write(write, b"x" if taken else b"")
            signal.pause()
        children.append(child)
    os.close(write)
    got = 0
    try:
        while got < 4 and len(children) == 4:
            ended = [pid for pid in children if os.waitpid(pid, os.WNOHANG)[0]]
            if ended:
                children = [pid for pid in children if pid not in ended]
                raise Stopped(f"{len(ended)} of them were ended")
            os.set_blocking(read, False)
            try:
                got += len(os.read(read, 4))
            except BlockingIOError:
                threading.Event().wait(0.02)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return f"{MEMORY_MB} MiB"


@attempt("resources")
def fill_the_shared_memory(host: Host) -> str:
    path = Path("/dev/shm/escape-fill")

    def fill() -> None:
        with path.open("wb", buffering=0) as file:
            for _ in range(MEMORY_MB):
                if file.write(b"\1" * 2**20) < 2**20:
                    raise OSError("it takes no more")

    try:
        in_child(fill)
    finally:
        path.unlink(missing_ok=True)
    return f"{MEMORY_MB} MiB"


@attempt("resources")
def write_a_huge_file(host: Host) -> str:
    path = Path("huge")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(FILE_MB):
                if file.write(b"\1" * 2**20) < 2**20:
                    raise Stopped("the file takes no more")
    finally:
        path.unlink()
    return f"{FILE_MB} MiB"


@attempt("resources")
def lift_ones_own_limits(host: Host) -> str:
    _unlimit(resource.RLIMIT_FSIZE)
    return "has no limit"


@attempt("resources")
def have_the_host_handle_a_crash(host: Host) -> str:
    """What handles crashes runs outside every sandbox, as root."""
    _unlimit(resource.RLIMIT_CORE)
    return "a crash would be dumped"


def _unlimit(which: int) -> None:
    try:
        resource.setrlimit(which, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except ValueError as error:
        raise Stopped(str(error)) from error
