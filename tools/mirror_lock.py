"""One fetch or push of a mirror at a time, in this process and in others."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other fetches and pushes of the mirror in `folder` out; whoever holds it must not ask for it again."""
    with (folder / "roadcrew.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
