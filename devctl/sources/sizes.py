"""Sizes as people write them."""

import re
from math import ceil

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgtp]?)i?b?)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def mebibytes(text: str) -> int | None:
    """A size such as `4gb`, `512m` or `1048576` (bytes) in MiB, rounded up; None when it is no size."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    size = ceil(float(match[1]) * 1024 ** _POWERS[(match[2] or "").lower()] / 2**20)
    return size or None
