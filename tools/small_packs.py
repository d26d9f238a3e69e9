"""Packs of a few objects, put together without a git process; for the bundle that follows each step.

Git's own packs say of an object how it differs from another; these hold it whole. So they are made only while what
they hold is small, and `make_bundle` makes the others.
"""

import hashlib
import zlib
from collections.abc import Iterable
from pathlib import Path

from tools.loose_objects import read_object

OBJECTS = 400
BYTES = 64 * 1024
"""Of the pack."""
OBJECT_BYTES = 1024 * 1024
"""Of one object, not deflated."""
_KINDS = {"commit": 1, "tree": 2, "blob": 3}


def small_pack(git_dir: Path, shas: Iterable[str]) -> bytes | None:
    """A pack of these loose objects; None where one is not loose, or where it would not be small.

    The same objects give the same bytes.
    """
    parts: list[bytes] = []
    size = 0
    for sha in sorted(set(shas)):
        found = read_object(git_dir, sha, OBJECT_BYTES)
        if found is None or len(parts) == OBJECTS:
            return None
        kind, content = found
        parts.append(_header(_KINDS[kind], len(content)) + zlib.compress(content))
        size += len(parts[-1])
        if size > BYTES:
            return None
    pack = b"PACK" + (2).to_bytes(4, "big") + len(parts).to_bytes(4, "big") + b"".join(parts)
    return pack + hashlib.sha1(pack, usedforsecurity=False).digest()


def _header(kind: int, size: int) -> bytes:
    """Git's: the kind and four bits of the size, then seven bits a byte, the lowest first."""
    byte, size = kind << 4 | size & 15, size >> 4
    header = bytearray()
    while size:
        header.append(byte | 128)
        byte, size = size & 127, size >> 7
    header.append(byte)
    return bytes(header)
