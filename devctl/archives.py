"""Archives in and out of containers; what comes out is hostile and is unpacked by our own rules."""

import io
import shutil
import stat
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from devctl import mounts
from devctl.errors import PathRefused
from devctl.files import Budget, create_file, leads_out, make_link, open_below
from devctl.inside import prelude

LAID_OUT = 946_684_800
"""The time of what every environment gets: the same in each, so that the same archive comes of it."""
MOST_ENTRIES = 200_000
"""Files, folders and links that a caller's archive may have."""


def of_bytes(files: Mapping[str, bytes], uid: int) -> bytes:
    """An archive of a few small files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            archive.addfile(_entry(name, uid, 0o644, size=len(data)), io.BytesIO(data))
    return buffer.getvalue()


def layout(uid: int) -> bytes:
    """The folders and programs that every container gets, relative to its root: the same bytes each time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, owner in (
            ("opt/devctl", 0), ("opt/devctl/inside", 0), (prelude.SITE[1:], uid), ("home", 0),
            (mounts.HOME[1:], uid), ("work", uid),
        ):  # fmt: skip
            archive.addfile(_at(LAID_OUT, _entry(path, owner, 0o755, tarfile.DIRTYPE)))
        for program in sorted(Path(prelude.__file__).parent.glob("*.p[yl]")):
            data = program.read_bytes()
            entry = _entry(f"opt/devctl/inside/{program.name}", 0, 0o644, size=len(data))
            archive.addfile(_at(LAID_OUT, entry), io.BytesIO(data))
    return buffer.getvalue()


def of_folders(names: Sequence[str], uid: int) -> bytes:
    """An archive of empty folders."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            archive.addfile(_entry(name, uid, 0o755, tarfile.DIRTYPE))
    return buffer.getvalue()


@contextmanager
def of_path(source: Path, steps: Sequence[str], uid: int, budget: Budget) -> Iterator[IO[bytes]]:
    """An archive of a file or of what a folder holds, to be unpacked as `steps`; links stay links."""

    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            folders = steps if source.is_dir() else steps[:-1]
            for count in range(len(folders)):
                archive.addfile(_entry("/".join(folders[: count + 1]), uid, 0o755, tarfile.DIRTYPE))
            if source.is_dir():
                for entry in sorted(source.iterdir()):
                    _add(archive, entry, "/".join((*steps, entry.name)), uid, budget)
            else:
                _add(archive, source, "/".join(steps), uid, budget)
        file.seek(0)
        yield file


def _add(archive: tarfile.TarFile, path: Path, name: str, uid: int, budget: Budget) -> None:
    """Add an entry of this host; sockets, pipes and devices are left out, hard links are files of their own."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        link = _entry(name, uid, 0o777, tarfile.SYMTYPE)
        link.linkname = str(path.readlink())
        archive.addfile(link)
    elif stat.S_ISDIR(found.st_mode):
        archive.addfile(_entry(name, uid, 0o755, tarfile.DIRTYPE))
        for entry in sorted(path.iterdir()):
            _add(archive, entry, f"{name}/{entry.name}", uid, budget)
    elif stat.S_ISREG(found.st_mode):
        budget.spend(found.st_size)
        mode = 0o755 if found.st_mode & 0o111 else 0o644
        with path.open("rb") as content:
            archive.addfile(_entry(name, uid, mode, size=found.st_size), content)


def receive(
    stream: Iterator[bytes], target: Path, budget: Budget, without: Sequence[tuple[str, ...]] = ()
) -> tuple[str, ...]:
    """Unpack what a container sent for one path; returns what was left out, but for the paths `without`.

    Names that climb, absolute names and entries below a link are refused; links that lead out, devices and
    pipes are left out; a hard link becomes a copy of the file it names.
    """
    left_out: list[str] = []
    with tempfile.TemporaryFile() as file:
        for chunk in stream:
            budget.spend(len(chunk))
            file.write(chunk)
        file.seek(0)
        with _archive(file, "what the container sent", "its files changed while they were read; try again") as archive:
            members = archive.getmembers()
            if members and not members[0].isdir():
                _receive_file(archive, members[0], target)
                return ()
            target.mkdir(parents=True, exist_ok=True)
            for member in members:
                parts = _inner_parts(member.name)
                if any(parts[: len(path)] == path for path in without):
                    continue
                if parts and not _place(archive, member, target.resolve(), parts):
                    left_out.append("/".join(parts))
    return tuple(left_out)


def unpack(stream: Iterator[bytes], target: Path, budget: Budget) -> tuple[str, ...]:
    """Unpack what a caller sent into the folder `target`, by the same rules; returns what was left out.

    Raises PathRefused for what is no plain tar, too.
    """
    left_out: list[str] = []
    with tempfile.TemporaryFile() as file:
        for chunk in stream:
            budget.spend(len(chunk))
            file.write(chunk)
        file.seek(0)
        with _archive(file, "what was sent", "send a plain, uncompressed one") as archive:
            for count, member in enumerate(archive):
                if count >= MOST_ENTRIES:
                    raise PathRefused(f"the archive has more than {MOST_ENTRIES} entries", "send it in parts")
                parts = _parts(member.name)
                if parts and not _place(archive, member, target.resolve(), parts):
                    left_out.append("/".join(parts))
    return tuple(left_out)


@contextmanager
def _archive(file: IO[bytes], name: str, hint: str) -> Iterator[tarfile.TarFile]:
    """Read an archive of somebody else's; raises PathRefused where it breaks off or is none."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            yield archive
    except tarfile.TarError as error:
        raise PathRefused(f"{name} is no whole tar archive: {error}", hint) from error


def _receive_file(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = archive.extractfile(member) if member.isreg() else None
    if content is None:
        raise PathRefused(f"{member.name!r} is a link or a special file", "name what it points to")
    place = target / PurePosixPath(member.name).name if target.is_dir() else target
    place.parent.mkdir(parents=True, exist_ok=True)
    with (
        open_below(place.parent.resolve(), ()) as folder,
        create_file(folder, place.name, member.mode) as made,
    ):
        shutil.copyfileobj(content, made)


def _inner_parts(name: str) -> tuple[str, ...]:
    """The place of an entry below the folder that was asked for; raises PathRefused."""
    return _parts(name)[1:]


def _parts(name: str) -> tuple[str, ...]:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\0" in name:
        raise PathRefused(f"the archive holds the name {name!r}", "names are relative, and never climb")
    return pure.parts


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path, parts: tuple[str, ...]) -> bool:
    """Write one entry; False when it is left out."""
    if member.isdir():
        with open_below(root, parts, create=True):
            return True
    with open_below(root, parts[:-1], create=True) as folder:
        if member.issym():
            if leads_out(PurePosixPath(*parts), member.linkname):
                return False
            make_link(folder, parts[-1], member.linkname)
            return True
        content = archive.extractfile(member) if member.isreg() or member.islnk() else None
        if content is None:
            return False
        with create_file(folder, parts[-1], member.mode) as made:
            shutil.copyfileobj(content, made)
    return True


def _entry(name: str, uid: int, mode: int, kind: bytes = tarfile.REGTYPE, size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.uid = entry.gid = uid
    entry.mode = stat.S_IMODE(mode)
    entry.type, entry.size, entry.mtime = kind, size, int(time.time())
    return entry


def _at(seconds: int, entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same entry with another time."""
    entry.mtime = seconds
    return entry
