"""Writing git objects as loose files, without a git process: for the few objects that one step of work makes.

The format is git's own: the deflated bytes `kind size NUL content` in a file named by their SHA-1. What is written is
made on this host from plain bytes; whatever comes from outside goes through git, which checks it.
"""

import errno
import hashlib
import os
import secrets
import zlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, cast

from tools.errors import GitBroken

Kind = Literal["blob", "tree", "commit"]

_TRIES = 10
_HINTS = {
    errno.ENOSPC: "free space on its disk",
    errno.EDQUOT: "free space on its disk, or raise the quota",
    errno.EROFS: "make its file system writable",
    errno.EACCES: "let this user write there",
}


def object_sha(kind: Kind, content: bytes) -> str:
    """The name that git gives to an object."""
    return hashlib.sha1(_framed(kind, content), usedforsecurity=False).hexdigest()


def write_object(git_dir: Path, kind: Kind, content: bytes) -> str:
    """Store an object and return its name; one that is there already counts as young again. Raises GitBroken."""
    framed = _framed(kind, content)
    sha = hashlib.sha1(framed, usedforsecurity=False).hexdigest()
    place = git_dir / "objects" / sha[:2] / sha[2:]
    try:
        if not _freshened(place):
            _write(place, zlib.compress(framed, 1))
    except OSError as error:
        reason = error.strerror or str(error)
        raise GitBroken(f"cannot store a {kind} in {git_dir}: {reason}", _HINTS.get(error.errno or 0, "")) from error
    return sha


def read_object(git_dir: Path, sha: str, limit: int) -> tuple[Kind, bytes] | None:
    """An object that lies loose in the repository; None for one that does not, or of more than `limit` bytes."""
    unpacking = zlib.decompressobj()
    try:
        with (git_dir / "objects" / sha[:2] / sha[2:]).open("rb") as file:
            framed = unpacking.decompress(file.read(limit), limit)
    except (OSError, zlib.error):
        return None
    head, _, content = framed.partition(b"\0")
    match head.partition(b" ")[0]:
        case b"blob" | b"tree" | b"commit" as kind if unpacking.eof:
            return cast(Kind, kind.decode()), content
    return None


def write_own_commit(git_dir: Path, tree: str, parents: Sequence[str], message: str, ident: str, at: datetime) -> str:
    """Store a commit; `ident` is `Name <email>`, with nothing in it that git would strip. Raises GitBroken."""
    person = f"{ident} {int(at.timestamp())} +0000"
    head = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {person}", f"committer {person}"]
    return write_object(git_dir, "commit", "\n".join([*head, "", message]).encode())


def _framed(kind: Kind, content: bytes) -> bytes:
    return b"%s %d\0%s" % (kind.encode(), len(content), content)


def _freshened(place: Path) -> bool:
    """Whether the object is there; git prunes by age, so it is made young."""
    try:
        os.utime(place)
    except FileNotFoundError:
        return False
    except PermissionError:  # another user's, of a mirror that is shared: git leaves it as it is, too
        return place.exists()
    return True


def _write(place: Path, data: bytes) -> None:
    descriptor, draft = _draft(place)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        draft.replace(place)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _draft(place: Path) -> tuple[int, Path]:
    """A new file beside the place; git's own tidying takes those that a crash left behind."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    for _ in range(_TRIES):
        draft = place.with_name(f"tmp_obj_{secrets.token_hex(8)}")
        try:
            return os.open(draft, flags, 0o444), draft
        except FileNotFoundError:  # not made yet, or git has just removed the empty folder
            with suppress(FileExistsError):
                place.parent.mkdir()
    raise FileNotFoundError(errno.ENOENT, "its folder is removed again and again", str(place.parent))
