"""The ledger of one research turn: every source that was met, by id, and what could not be asked.

It is filled from the answers alone, whether they come from the tools or from the journal, so that a turn taken up
again numbers its sources as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import JsonValue, TypeAdapter

from agents.conversation import Answer
from tools.research.source import Hit, Reading, Source
from tools.research.web import UNANSWERED

SOURCES: TypeAdapter[list[Source]] = TypeAdapter(list[Source])


class Ledger:
    """The sources of one turn."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}
        self.links: set[str] = set()
        """Addresses that registries named."""
        self.unanswered: list[str] = []
        """One line for each source that could not be asked, each once."""

    def hear(self, answer: Answer) -> None:
        """Take over what an answer brought."""
        data = answer.data if isinstance(answer.data, dict) else {}
        self.take(data)
        line = (answer.note or answer.text).partition("\n")[0]
        if answer.failed and UNANSWERED in line:
            self.note(line)

    def take(self, data: dict[str, JsonValue]) -> None:
        """Take over sources and links."""
        self.sources.update((source.id, source) for source in SOURCES.validate_python(data.get("sources") or []))
        links = data.get("links")
        self.links.update(str(link) for link in links if isinstance(link, str)) if isinstance(links, list) else None

    def note(self, line: str) -> None:
        """Note what could not be asked."""
        if line not in self.unanswered:
            self.unanswered.append(line)

    def found(self, hits: Sequence[Hit]) -> list[Source]:
        """Return search results as sources that nobody read; known addresses keep their ids."""
        known = {source.address: source for source in self.sources.values()}
        fresh: list[Source] = []
        for hit in hits:
            if hit.url not in known:
                known[hit.url] = Source(id=self._id(len(fresh)), kind="page", title=hit.title, address=hit.url)
                fresh.append(known[hit.url])
        return [known[hit.url] for hit in hits]

    def read(self, reading: Reading, id_: str | None = None) -> Source:
        """Return what was read as a source, under the id that it was found or read by before, or the next one."""
        if id_ is None:
            key = (reading.kind, reading.title, reading.address)
            same = [one.id for one in self.sources.values() if (one.kind, one.title, one.address) == key]
            id_ = same[0] if same else None
        return reading.as_source(id_ or self._id(0), datetime.now(UTC).replace(microsecond=0))

    def address_of(self, named: str) -> tuple[str | None, str | None]:
        """Return the id and the address that `S3` or a URL stands for; no address for what nobody found."""
        if named in self.sources:
            return named, self.sources[named].address
        bare = named.partition("#")[0]
        for source in self.sources.values():
            if source.address.partition("#")[0].rstrip("/") == bare.rstrip("/"):
                return source.id, bare
        return None, bare if named in self.links or bare in self.links else None

    def _id(self, further: int) -> str:
        return f"S{len(self.sources) + 1 + further}"
