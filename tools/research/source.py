"""What was read outside of the repository: each source with an id by which a report cites it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from tools.record import Record

SourceKind = Literal["search", "page", "package", "advisories", "documentation"]


class Source(Record):
    """One source; without `read_at` it was found and not read, and nothing can be claimed from it."""

    id: str
    """`S1`, `S2`, …, in the order in which they were met in a turn."""
    kind: SourceKind
    title: str
    address: str
    """Where it is, without credentials: a URL, or a package in the environment."""
    read_at: datetime | None = None
    digest: str = ""
    """SHA-256 of the text that was read."""


class Reading(Record):
    """What a source said, before it has an id."""

    kind: SourceKind
    title: str
    address: str
    text: str
    """Foreign text: fence it before a model reads it."""

    def as_source(self, id_: str, read_at: datetime) -> Source:
        """Return the source under its id."""
        return Source(
            id=id_,
            kind=self.kind,
            title=one_line(self.title, 200),
            address=one_line(self.address, 500),
            read_at=read_at,
            digest=hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest(),
        )


class Hit(Record):
    """One result of a search: not read yet."""

    title: str
    url: str
    excerpt: str


def one_line(text: str, limit: int) -> str:
    """Return foreign text on one line, without what is not printable, cut."""
    plain = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"
