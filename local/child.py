"""What a supervised child is given before it runs: an end with its supervisor, and for PostgreSQL another user id."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
SOME_USER = 1000
"""The user id that root appears as inside a user namespace of its own."""


def prepare_child(signal_at_death: int, as_other_user: bool) -> Callable[[], None]:
    """Return what runs in the child between fork and exec.

    With ``as_other_user`` the child enters a user namespace in which root is an ordinary user: PostgreSQL refuses
    to run as root, and this needs no system account and no change of any folder's owner or mode.
    """
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def prepare() -> None:
        if libc is None:
            return
        if as_other_user:
            if libc.unshare(CLONE_NEWUSER) != 0:
                os._exit(126)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{SOME_USER} 0 1")
            Path("/proc/self/gid_map").write_text(f"{SOME_USER} 0 1")
        libc.prctl(PR_SET_PDEATHSIG, signal_at_death, 0, 0, 0)

    return prepare
