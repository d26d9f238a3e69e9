"""Which program serves a tunnel, and whether it has died, as far as this machine can tell."""

import contextlib
import os
from pathlib import Path

from devctl.store import process_start

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


def own_program() -> str:
    """A name that no other process has or will have; empty where there is no /proc."""
    where = _world()
    return f"{where} {os.getpid()} {process_start(os.getpid())}" if where else ""


def has_died(program: str) -> bool:
    """Whether a program that was named so has certainly ended; False for those of other machines and containers."""
    where, _, rest = program.rpartition(" ")[0].rpartition(" ")
    start = program.rpartition(" ")[2]
    if not where or where != _world() or not (rest.isdigit() and start.isdigit()):
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's; its start says whether it is the one
    return process_start(int(rest)) not in (0, int(start))


def is_here(program: str) -> bool:
    """Whether this machine can tell of a program whether it has died."""
    where = _world()
    return bool(where) and program.startswith(f"{where} ")


def _world() -> str:
    """What numbers of processes belong to: this run of the machine, and the namespace."""
    with contextlib.suppress(OSError):
        return f"{_BOOT.read_text().strip()} {os.stat(_NAMESPACE).st_ino}"  # noqa: PTH116 - what the link names, not its path
    return ""
