"""Texts that go out: masked, cut to the host's limits, and found again by hidden markers."""

import re
from collections.abc import Iterable
from urllib.parse import quote

BODY_LIMIT = 65_536
"""Characters that GitHub takes in the body of an issue, comment or pull request."""
TITLE_LIMIT = 256
DESCRIPTION_LIMIT = 140
"""Characters of a commit status's description."""
_NOTE = "\n\n_This text was cut here: it has {total} characters and the code host takes {limit}._"
_MASK = "***"
_SHORTEST_SECRET = 6
"""Shorter values would be found in ordinary words."""
_MARKER = re.compile(r"<!-- roadcrew:[^\s<>]+ -->")


class Masker:
    """Replaces the values of secrets, as they are and as they look in URLs."""

    def __init__(self, values: Iterable[str]) -> None:
        long_enough = {value for value in values if len(value) >= _SHORTEST_SECRET}
        forms = long_enough | {quote(value, safe="") for value in long_enough}
        # the longest first, so that no rest of one stays where another is its beginning
        self._forms = sorted(forms, key=len, reverse=True)

    def mask(self, text: str) -> str:
        """The text without the secrets."""
        for form in self._forms:
            text = text.replace(form, _MASK)
        return text


def cut(text: str, limit: int = BODY_LIMIT) -> str:
    """The text within the limit; what is cut off is said at the end, and an open code block is closed."""
    if len(text) <= limit:
        return text
    note = _NOTE.format(total=len(text), limit=limit)
    fence = "\n```"
    kept = text[: limit - len(note) - len(fence)]
    is_open = sum(line.lstrip().startswith("```") for line in kept.split("\n")) % 2 == 1
    return kept + (fence if is_open else "") + note


def one_line(text: str, limit: int) -> str:
    """The text on one line within the limit."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def storable(text: str) -> str:
    """The text without what no host stores: NUL and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def checked_marker(marker: str) -> str:
    """The marker, if it is one; ValueError otherwise, since a wrong one would never be found again."""
    if not _MARKER.fullmatch(marker):
        raise ValueError(f"{marker!r} is no marker: use <!-- roadcrew:kind:key --> without spaces in it")
    return marker


def with_marker(marker: str, body: str, limit: int = BODY_LIMIT) -> str:
    """The body with the marker before it."""
    return f"{marker}\n{cut(body, limit - len(marker) - 1)}"
