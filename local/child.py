"""What a supervised child is given before it runs: an end with its supervisor, and for PostgreSQL another user id."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
CLONE_NEWUSER = 0x10000000
NAMESPACE_USER = 1000
"""The user id that root appears as inside a user namespace of its own."""
OTHER_USER = 64211
"""The user id without an account that stands in for root where there are no user namespaces."""
NOT_PREPARED = 126


class Identity(Enum):
    """As whom a child runs. PostgreSQL refuses to run as root, so root has to appear as somebody else."""

    SAME = "same"
    """As the user who starts it."""
    NAMESPACE = "namespace"
    """Root, in a user namespace where it is an ordinary user: files stay root's, no mode is changed."""
    OTHER = "other"
    """Another user id that may pass closed folders: for containers, which refuse user namespaces."""

    @property
    def owner(self) -> int | None:
        """The user id that must own the child's data; None where it is what it is."""
        return {Identity.SAME: None, Identity.NAMESPACE: 0, Identity.OTHER: OTHER_USER}[self]


def ordinary_identity() -> Identity | None:
    """Return an identity that is not root's for a child of this process; None where there is none."""
    if os.geteuid() != 0:
        return Identity.SAME
    for identity in (Identity.NAMESPACE, Identity.OTHER):
        try:
            tried = subprocess.run(["true"], preexec_fn=prepare_child(0, identity), timeout=20)
        except (subprocess.SubprocessError, OSError):
            continue
        if tried.returncode == 0:
            return identity
    return None


def prepare_child(signal_at_death: int, identity: Identity = Identity.SAME) -> Callable[[], None]:
    """Return what runs in the child between fork and exec; the child exits with 126 where it cannot be done."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    parent = os.getpid()

    def prepare() -> None:
        if libc is None:
            if identity is not Identity.SAME:
                os._exit(NOT_PREPARED)
            return
        if identity is Identity.NAMESPACE:
            _enter_namespace(libc)
        elif identity is Identity.OTHER:
            _become_other(libc)
        # last, for a change of user forgets it
        libc.prctl(PR_SET_PDEATHSIG, signal_at_death, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(NOT_PREPARED)

    return prepare


def _enter_namespace(libc: ctypes.CDLL) -> None:
    if libc.unshare(CLONE_NEWUSER) != 0:
        os._exit(NOT_PREPARED)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NAMESPACE_USER} 0 1")
    Path("/proc/self/gid_map").write_text(f"{NAMESPACE_USER} 0 1")


def _become_other(libc: ctypes.CDLL) -> None:
    """Change the user id but keep one capability, so that no folder above the workspace has to be opened to others."""
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(OTHER_USER)
    os.setuid(OTHER_USER)
    kept = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0)  # effective, permitted, inheritable; the high halves
    if libc.capset(header, data) != 0:
        os._exit(NOT_PREPARED)
    if libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0) != 0:
        os._exit(NOT_PREPARED)
