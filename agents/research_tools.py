"""The Researcher's tools that ask outside, and the one that reads installed packages' documentation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, create_model

from agents.ledger import Ledger
from agents.vulnerabilities import advisory_lines
from tools.dispatch import Tool
from tools.errors import SourceRefused
from tools.mirror import Mirror
from tools.observation import Observation
from tools.research.advisories import Pin
from tools.research.installed import go_docs, node_docs, python_docs
from tools.research.outside import OutsideSources, Registry
from tools.research.settings import Ecosystem
from tools.research.source import Reading, Source
from tools.worktree import WorkTree

NETWORK = "research"
PART = 9_000
"""Characters of a source that are shown at once."""
DOCUMENT = re.compile(r"(^|/)(README|CONTRIBUTING|CHANGELOG|AGENTS)[^/]*$|\.(md|rst|toml|cfg)$|(^|/)package\.json$")
"""Files whose addresses may be read."""
DOCUMENTS = 300
DOCUMENT_BYTES = 512 * 1024
LINK = re.compile(r"https?://[^\s<>)\]\"'`]+")


Documented = Literal["python", "node", "go"]
"""Ecosystems whose installed packages tell of themselves in a form that we read."""
Asked = TypeVar("Asked", bound=BaseModel)


class _Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SearchArguments(_Arguments):
    """Search the web. The results are not read yet: read the ones that matter with read_page before you cite them."""

    query: str = Field(
        description="a few words; nothing of the repository that is not public", min_length=2, max_length=300
    )


class PageArguments(_Arguments):
    """Read a page that a search found, that a registry names, or whose address stands in the repository."""

    source: str = Field(description="S3, or the page's address", min_length=2, max_length=2000)
    part: int = Field(default=1, ge=1, le=200, description="which part of a long page")


class PackageArguments(_Arguments):
    """Ask the registry about a package: versions, licence, what it needs, whether it is withdrawn, its links."""

    ecosystem: Registry
    name: str = Field(description="the bare name; of a Go module its path", min_length=1, max_length=200)


class AdvisoryArguments(_Arguments):
    """Ask OSV for the known vulnerabilities of one package in one version."""

    ecosystem: Ecosystem
    name: str = Field(min_length=1, max_length=200, description="for maven group:artifact")
    version: str = Field(min_length=1, max_length=100)


class DocumentationArguments(_Arguments):
    """Read what an INSTALLED package says: its README, or the signature, docstring and source of one of its names."""

    ecosystem: Documented
    name: str = Field(description="the package; of Go its import path", min_length=1, max_length=200)
    symbol: str = Field(
        default="", description="dotted name, such as flask.Flask.route; empty for the README", max_length=200
    )
    part: int = Field(default=1, ge=1, le=50, description="which part of a long text")


_READERS: Mapping[Documented, Callable[[WorkTree, str, str], Reading]] = {
    "python": python_docs,
    "node": node_docs,
    "go": go_docs,
}


def ecosystems_of(mirror: Mirror, commit: str, requirements: Sequence[str] = ()) -> frozenset[str]:
    """Return the ecosystems of a repository and of packages that are to be added; empty where none can be told."""
    facts = mirror.facts(commit)
    found = {_OF_LANGUAGE[language] for language in facts.languages if language in _OF_LANGUAGE}
    named = {requirement.partition(":")[0] for requirement in requirements if ":" in requirement}
    added = {_OF_PREFIX[prefix] for prefix in named if prefix in _OF_PREFIX}
    plain = {"python"} if any(":" not in requirement for requirement in requirements) else set()
    return frozenset(found | added | plain)


_OF_LANGUAGE = {
    "Python": "python", "JavaScript": "node", "TypeScript": "node", "Go": "go", "Rust": "rust", "Java": "maven",
    "Kotlin": "maven",
}  # fmt: skip
_OF_PREFIX = {"npm": "node", "go": "go", "cargo": "rust", "maven": "maven"}


class ResearchTools:
    """The tools of one turn; what they read gets its id from the ledger."""

    def __init__(
        self,
        outside: OutsideSources,
        ledger: Ledger,
        worktree: Callable[[], WorkTree],
        repository_links: Callable[[], frozenset[str]],
        ecosystems: frozenset[str] = frozenset(),
    ) -> None:
        """``ecosystems`` are those of the repository; where none can be told, tools for all are offered."""
        self._registries = fitting(outside.registries, ecosystems)
        self._documented = fitting(get_args(Documented), ecosystems)
        self._outside = outside
        self._ledger = ledger
        self._worktree = worktree
        self._repository_links = repository_links

    def tools(self) -> Sequence[Tool[Any]]:
        """Return the tools that the settings turn on."""
        tools: list[Tool[Any]] = []
        if self._outside.searching:
            tools.append(Tool("search", SearchArguments, self._search, network=NETWORK))
        tools.append(Tool("read_page", PageArguments, self._page, network=NETWORK))
        if self._registries:
            tools.append(Tool("package", _narrowed(PackageArguments, self._registries), self._package, network=NETWORK))
        if self._outside.advising:
            tools.append(Tool("advisories", AdvisoryArguments, self._advisories, network=NETWORK))
        if self._documented:
            tools.append(Tool("package_docs", _narrowed(DocumentationArguments, self._documented), self._documentation))
        return tools

    def _search(self, asked: SearchArguments) -> Observation:
        hits = self._outside.search(asked.query)
        sources = self._ledger.found(hits)
        lines = [
            f"[{source.id}] {hit.title}\n  {hit.url}\n  {hit.excerpt}"
            for source, hit in zip(sources, hits, strict=True)
        ]
        note = "Not read yet: read_page one of them before you cite it." if lines else ""
        fresh = [source for source in sources if source.id not in self._ledger.sources]
        return Observation(
            verdict=f"{len(hits)} results", text="\n".join(lines), note=note, data={"sources": _plain(fresh)}
        )

    def _page(self, asked: PageArguments) -> Observation:
        id_, address = self._ledger.address_of(asked.source)
        if address is None and asked.source in self._repository_links():
            address = asked.source
        if address is None:
            raise SourceRefused(
                "this address was found by no search and stands neither in a registry nor in the repository",
                "search for it first, and read what is found",
            )
        return self._told(self._outside.page(address), asked.part, id_)

    def _package(self, asked: PackageArguments) -> Observation:
        facts = self._outside.package(asked.ecosystem, asked.name)
        reading = Reading(
            kind="package", title=f"{asked.name} in its registry", address=facts.address, text=facts.text()
        )
        told = self._told(reading, 1, None)
        data = {**(told.data if isinstance(told.data, dict) else {}), "links": [link for _, link in facts.links]}
        return told.model_copy(update={"data": data})

    def _advisories(self, asked: AdvisoryArguments) -> Observation:
        pin = Pin(ecosystem=asked.ecosystem, name=asked.name, version=asked.version)
        known = self._outside.advisories([pin])
        text = "\n".join(advisory_lines(known.found)) or f"Nothing is known against {asked.name} {asked.version}."
        title = f"Known vulnerabilities of {asked.name} {asked.version}"
        reading = Reading(kind="advisories", title=title, address=self._outside.settings.osv_url or "", text=text)
        told = self._told(reading, 1, None)
        return told.model_copy(update={"verdict": f"{len(known.found)} known vulnerabilities"})

    def _documentation(self, asked: DocumentationArguments) -> Observation:
        read = _READERS[asked.ecosystem]
        return self._told(read(self._worktree(), asked.name, asked.symbol), asked.part, None)

    def _told(self, reading: Reading, part: int, id_: str | None) -> Observation:
        """What was read, as a source, one part of it shown."""
        parts = max(1, -(-len(reading.text) // PART))
        if part > parts:
            raise SourceRefused(f"there are {parts} parts, not {part}", "ask for one of them")
        source = self._ledger.read(reading, id_)
        shown = reading.text[(part - 1) * PART : part * PART]
        text = "\n".join([source.title, source.address, "", shown])
        note = f"[{source.id}]" + (f" part {part} of {parts}" if parts > 1 else "")
        return Observation(verdict=f"read as {source.id}", text=text, note=note, data={"sources": _plain([source])})


def fitting(offered: Sequence[str], ecosystems: frozenset[str]) -> tuple[str, ...]:
    """Return which of the ecosystems that could be asked about are the repository's; all where it has none."""
    return tuple(one for one in offered if not ecosystems or one in ecosystems)


def _narrowed(arguments: type[Asked], ecosystems: tuple[str, ...]) -> type[Asked]:
    """Return the arguments with these ecosystems alone to choose from."""
    choice: Any = Literal
    made: Any = create_model(
        arguments.__name__, __base__=arguments, __doc__=arguments.__doc__, ecosystem=(choice[ecosystems], ...)
    )
    return cast("type[Asked]", made)


def _plain(sources: Sequence[Source]) -> list[Any]:
    return [source.model_dump(mode="json") for source in sources]


def links_of(mirror: Mirror, commit: str) -> frozenset[str]:
    """Return the addresses that a commit's documents and manifests name.

    They are read from the commit itself and not from the work tree, where anybody may write any address.
    """
    named = [entry for entry in mirror.files(commit) if DOCUMENT.search(entry.path) and entry.size <= DOCUMENT_BYTES]
    texts = mirror.read_many(commit, [entry.path for entry in named[:DOCUMENTS]])
    found = (one for content in texts.values() for one in LINK.findall(content.decode("utf-8", "replace")))
    return frozenset(link.rstrip(".,;:") for link in found)
