"""Unix sockets whose path may be longer than the 107 bytes that an address holds."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BACKLOG = 64


def listen_unix(path: Path) -> socket.socket:
    """Listen at a path in a private folder, in the place of what is there; anyone may connect. Raises OSError."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    try:
        with _short(path) as address:
            listener.bind(address)
        path.chmod(0o666)  # the folder above is private; inside, commands have another uid
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def connect_unix(path: Path) -> socket.socket:
    """Connect to who listens at a path; raises OSError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as address:
            connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Another name of the path, of few bytes."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
