"""What an attempt is, and what it knows of the host it tries to reach."""

import ctypes
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Host:
    """What the host has laid out to be reached."""

    secret: str
    """A file that all users of the host may read."""
    word: str
    """What is in it."""
    tree: str
    """A folder of the host, with files in it."""
    port: int
    """A port of the host's loopback, at which something listens."""
    port6: int
    address: str
    """An address of the host beside its loopback, empty where it has none."""
    abstract: str
    """An abstract Unix socket's name."""
    socket: str
    """A Unix socket's path."""
    victim: int
    """The number of a process on the host, that the attempt's user could signal."""
    marker: str
    """A word of that process's command line."""
    shared_key: int
    """The key of a System V shared memory segment that all may read."""
    shared_file: str
    """A file in the host's /dev/shm."""
    queue: str
    """A POSIX message queue that all may read."""
    hostname: str


class Stopped(Exception):
    """The attempt was held up, in the words of what held it."""


class Attempt(NamedTuple):
    """One way out, by the part of the machine that it goes through."""

    area: str
    run: Callable[[Host], str]
    """Returns what it got; empty, OSError or Stopped when it got nothing."""
    uncontrolled: str
    """Why it cannot be shown to work without a sandbox; empty where it can."""


ATTEMPTS: dict[str, Attempt] = {}


def attempt(area: str, uncontrolled: str = "") -> Callable[[Callable[[Host], str]], Callable[[Host], str]]:
    """Register a function as an attempt, under its own name."""

    def register(run: Callable[[Host], str]) -> Callable[[Host], str]:
        ATTEMPTS[run.__name__] = Attempt(area, run, uncontrolled)
        return run

    return register


libc = ctypes.CDLL(None, use_errno=True)

# Those below 300 differ between the two processors, those above are the same everywhere.
_NUMBERS = {
    "x86_64": {
        **{"mount": 165, "umount2": 166, "pivot_root": 155, "ptrace": 101, "setns": 308, "unshare": 272, "reboot": 169},
        **{"swapoff": 168, "acct": 163, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "keyctl": 250},
        **{"add_key": 248, "request_key": 249, "finit_module": 313, "kexec_load": 246, "open_by_handle_at": 304},
        **{"name_to_handle_at": 303, "process_vm_readv": 310, "syslog": 103, "shmget": 29, "iopl": 172, "capset": 126},
        **{"fanotify_init": 300, "clone": 56, "quotactl": 179, "mq_open": 240},
    },
    "aarch64": {
        **{"mount": 40, "umount2": 39, "pivot_root": 41, "ptrace": 117, "setns": 268, "unshare": 97, "reboot": 142},
        **{"swapoff": 225, "acct": 89, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "keyctl": 219},
        **{"add_key": 217, "request_key": 218, "finit_module": 273, "kexec_load": 104, "open_by_handle_at": 265},
        **{"name_to_handle_at": 264, "process_vm_readv": 270, "syslog": 116, "shmget": 194, "capset": 91},
        **{"fanotify_init": 262, "clone": 220, "quotactl": 60, "mq_open": 180},
    },
}
_NEW = {"io_uring_setup": 425, "open_tree": 428, "fsopen": 430, "clone3": 435, "pidfd_open": 434, "pidfd_getfd": 438}

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWPID = 0x20000, 0x10000000, 0x40000000, 0x20000000


def syscall(name: str, *arguments: object) -> int:
    """Call the kernel without the C library's own checks; raises OSError, or Stopped where it has no such call."""
    numbers = _NUMBERS.get(platform.machine(), {}) | _NEW
    if name not in numbers:
        raise Stopped(f"{platform.machine()} has no {name}")
    result: int = libc.syscall(ctypes.c_long(numbers[name]), *(_word(argument) for argument in arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def _word(argument: object) -> object:
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


def reaches(name: str, *arguments: object) -> str:
    """Say that the kernel let a call through: it worked, or it was wrong for another reason than missing rights."""
    import errno

    try:
        syscall(name, *arguments)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOSYS, errno.EACCES):
            raise
        return f"{name} was let through: {error.strerror}"
    return f"{name} was let through"


def in_child(work: Callable[[], object]) -> None:
    """Do something in a process that may be ended for it; raises Stopped when it was not done."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except (OSError, MemoryError) as error:
            os.write(2, f"{error}\n".encode())
            os._exit(1)
        finally:
            os._exit(2)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        raise Stopped(f"it ended with {status}")
