"""Locks on files: they end with the last process that has the file open, so nothing stale is left by kill -9."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.errors import WorkspaceUnusable


def open_lock(file: Path) -> int:
    """Return a descriptor of a lock file, made where it is missing; raises `WorkspaceUnusable`."""
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        raise WorkspaceUnusable(
            f"the lock file {file} cannot be opened: {fault.strerror}",
            "free some disk space, or give this user the right to write there",
        ) from fault


def try_lock(file: Path) -> int | None:
    """Take an exclusive lock without waiting; return the descriptor that holds it, or None."""
    descriptor = open_lock(file)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, waiting for it."""
    descriptor = open_lock(file)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_held(file: Path) -> bool:
    """Whether some process holds an exclusive lock on a file."""
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
