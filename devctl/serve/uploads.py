"""Files that callers send for a launch: trees for the work folder, and secrets that a restart needs again."""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from devctl.archives import unpack
from devctl.errors import NoSuchResource
from devctl.files import Budget
from devctl.fleet.records import SecretFile, User
from devctl.serve.records import Upload

KEPT_SECONDS = 3_600.0
_ID = re.compile(r"u-[0-9a-f]{16}")
_CHUNK = 1_048_576


class Uploads:
    """Trees that were sent and are waiting for their launch.

    Whoever uses one holds a lock on its folder, which ends with the process, so that none goes before its last user.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, user: User, pieces: Iterator[bytes], megabytes: int) -> Upload:
        """Unpack an archive by our own rules; raises PathRefused for names that climb and for too much."""
        identity = f"u-{secrets.token_hex(8)}"
        place = self._place(user, identity)
        place.mkdir(parents=True, mode=0o700)
        with _open(place) as folder:
            fcntl.flock(folder, fcntl.LOCK_SH)
            try:
                unpack(pieces, place, Budget(megabytes))
            except BaseException:
                shutil.rmtree(place, ignore_errors=True)
                raise
            os.utime(place)
        return Upload(id=identity)

    def find(self, user: User, identity: str) -> Path:
        """The folder of an upload; raises NoSuchResource."""
        place = self._place(user, identity)
        if not _ID.fullmatch(identity) or not place.is_dir():
            raise _no_such(identity)
        return place

    @contextlib.contextmanager
    def used(self, user: User, identity: str) -> Iterator[Path]:
        """The folder of an upload, which stays as long as the block lasts; raises NoSuchResource.

        When the block ended well the upload is removed, but for others who use it still. Otherwise it is there to be
        used again, as long as one that was just sent.
        """
        place = self.find(user, identity)
        try:
            opened = _open(place)
        except FileNotFoundError:
            raise _no_such(identity) from None
        with opened as folder:
            fcntl.flock(folder, fcntl.LOCK_SH)
            if not place.is_dir():  # swept while it was waited for
                raise _no_such(identity)
            try:
                yield place
            except BaseException:
                os.utime(place)
                raise
            if _locked_alone(folder):
                shutil.rmtree(place, ignore_errors=True)

    def sweep(self) -> None:
        """Forget those that waited too long."""
        for place in self._folder.glob("*/u-*"):
            with contextlib.suppress(FileNotFoundError), _open(place) as folder:
                if _locked_alone(folder) and time.time() - os.fstat(folder).st_mtime > KEPT_SECONDS:
                    shutil.rmtree(place, ignore_errors=True)

    def _place(self, user: User, identity: str) -> Path:
        return self._folder / user.name / identity


@contextlib.contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    """A folder's descriptor; its lock ends with the block, also where a child has just inherited it."""
    try:
        yield descriptor
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _open(place: Path) -> contextlib.AbstractContextManager[int]:
    """Open a folder to be locked; raises FileNotFoundError at once."""
    return _opened(os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


def _locked_alone(folder: int) -> bool:
    """Hold the lock alone; False where others hold it."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _no_such(identity: str) -> NoSuchResource:
    return NoSuchResource(f"no upload has the id {identity!r}", "uploads are kept for an hour; send it again")


class SecretFiles:
    """Secrets of callers on other machines, in files of ours, as long as their environment is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, given: Mapping[str, bytes]) -> tuple[Path, tuple[SecretFile, ...]]:
        """Write them; returns their folder, which `settle` names after the environment once that has an id."""
        place = self._folder / f"new-{secrets.token_hex(8)}"
        place.mkdir(parents=True, mode=0o700)
        for name, value in given.items():
            file = place / name
            file.touch(0o600)
            file.write_bytes(value)
        return place, tuple(SecretFile(name=name, source=place / name) for name in given)

    def drop(self, place: Path) -> None:
        """Remove the secrets of a launch that failed."""
        shutil.rmtree(place, ignore_errors=True)

    def sweep(self, used: set[str]) -> None:
        """Remove those that no environment names: `used` are the folders' names."""
        for place in self._folder.glob("new-*"):
            if place.name not in used and time.time() - place.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(place, ignore_errors=True)


def read_body(stream: IO[bytes]) -> Iterator[bytes]:
    """The request's body in pieces."""
    while piece := stream.read(_CHUNK):
        yield piece
