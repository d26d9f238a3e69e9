"""The citations of a research report: whether every claim has one, and whether what it cites was really read."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from agents.threads import Record
from specs.markdown import outside_fences
from tools.research.source import Source, one_line

CITED = re.compile(r"\[(S\d{1,4}(?:\s*[,;]\s*S\d{1,4})*)\]")
PLACE = re.compile(
    r"(?<![\w/.@:-])((?:[\w@.+-]+/)*[\w@.+-]*[A-Za-z_][\w@.+-]*):(\d{1,7})(?:\s*[-\u2013]\s*(\d{1,7}))?(?![\w])"
)
ADDRESS = re.compile(r"https?://[^\s)>\]\"'`]+")
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
"""A code span; all are paired, also the short ones, so that no text between two of them passes for one."""
HEADING = re.compile(r"#{1,6}\s+(.*)")
ITEM = re.compile(r"\s{0,3}(?:[-*+]|\d{1,3}[.)])\s+\S")
NOTHING = re.compile(r"\W*(none|nothing|no pitfalls?|not applicable|n/a)\b[^:]{0,60}", re.I)
UNCLAIMING = re.compile(r"not (looked|researched)|open question|summary of what was asked|sources?$", re.I)
"""Headings under which nothing is claimed."""
SHORTEST_COMMAND = 8
"""Characters of a part of a command that cites it; `ls` alone cites nothing."""


class Evidence(Record):
    """What a report may cite."""

    sources: Mapping[str, Source]
    """By id; those without `read_at` were found and not read."""
    commands: tuple[str, ...] = ()
    """The command lines that ran in this turn."""
    strict: bool
    """Whether every claim must cite something; where nothing outside can be asked, only what is cited is checked."""


class Claim(Record):
    """One bullet or paragraph of a report."""

    first: int
    """Its first line, from 0."""
    last: int
    text: str


class Fault(Record):
    """What is wrong with one claim."""

    claim: Claim
    words: str


LineCount = Callable[[str], int | None]
"""Returns how many lines a file of the repository has; None where there is no such file."""


def claims_of(report: str) -> tuple[Claim, ...]:
    """Return the bullets and paragraphs in which something is claimed, code blocks aside."""
    claims: list[Claim] = []
    claiming, begin = True, None
    lines = outside_fences(report)

    def end(stop: int) -> None:
        if begin is not None:
            text = "\n".join(lines[begin:stop]).strip()
            if claiming and not NOTHING.fullmatch(text):
                claims.append(Claim(first=begin, last=stop - 1, text=text))

    for number, line in enumerate(lines):
        heading = HEADING.match(line)
        if heading or not line.strip() or ITEM.match(line):
            end(number)
            begin = None
        if heading:
            claiming = UNCLAIMING.search(heading[1].strip()) is None
        elif line.strip() and begin is None:
            begin = number
    end(len(lines))
    return tuple(_with_continuations(claims, lines))


def faults_of(report: str, evidence: Evidence, lines_of: LineCount) -> tuple[Fault, ...]:
    """Return what is wrong with a report's citations."""
    faults = []
    for claim in claims_of(report):
        words = [*_wrong_sources(claim, evidence.sources), *_wrong_places(claim, lines_of)]
        if evidence.strict:
            words += _wrong_addresses(claim, evidence.sources)
            if not words and not _cites(claim, evidence, lines_of):
                words.append("it cites nothing")
        if words:
            faults.append(Fault(claim=claim, words="; ".join(words)))
    return tuple(faults)


def without(report: str, faults: Collection[Fault]) -> str:
    """Return a report without the claims that do not hold."""
    dropped = {number for fault in faults for number in range(fault.claim.first, fault.claim.last + 1)}
    return "\n".join(line for number, line in enumerate(report.splitlines()) if number not in dropped)


def cited_sources(report: str, sources: Mapping[str, Source]) -> tuple[Source, ...]:
    """Return the sources that a report cites, in their order."""
    named = {id_ for found in CITED.finditer(report) for id_ in _ids(found[1])}
    return tuple(source for id_, source in sources.items() if id_ in named and source.read_at is not None)


def _with_continuations(claims: list[Claim], lines: list[str]) -> list[Claim]:
    """An introduction ending in a colon claims what its bullets claim: it needs no citation of its own."""
    kept = []
    for number, claim in enumerate(claims):
        following = claims[number + 1] if number + 1 < len(claims) else None
        introduces = claim.text.endswith(":") and following is not None and ITEM.match(lines[following.first])
        if not introduces:
            kept.append(claim)
    return kept


def _ids(text: str) -> list[str]:
    return re.findall(r"S\d+", text)


def _wrong_sources(claim: Claim, sources: Mapping[str, Source]) -> list[str]:
    words = []
    for id_ in dict.fromkeys(id_ for found in CITED.finditer(claim.text) for id_ in _ids(found[1])):
        source = sources.get(id_)
        if source is None:
            words.append(f"there is no source {id_}")
        elif source.read_at is None:
            words.append(f"{id_} was found and not read: read_page it, or cite another")
    return words


def _wrong_places(claim: Claim, lines_of: LineCount) -> list[str]:
    words = []
    for path, first, last in _places(claim):
        count = lines_of(path)
        if count is not None and max(first, last) > max(count, 1):
            words.append(f"{path} has {count} lines, not {max(first, last)}")
        elif count is None and _looks_like_ours(path):
            words.append(f"{path} is not in the repository")
    return words


def _wrong_addresses(claim: Claim, sources: Mapping[str, Source]) -> list[str]:
    read = {source.address.rstrip("/") for source in sources.values() if source.read_at is not None}
    told = [found[0].rstrip(".,;:") for found in ADDRESS.finditer(claim.text)]
    cites = CITED.search(claim.text) is not None
    return [
        f"{one_line(url, 100)} was not read"
        for url in told
        if not cites and url.rstrip("/").partition("#")[0] not in read
    ]


def _cites(claim: Claim, evidence: Evidence, lines_of: LineCount) -> bool:
    if CITED.search(claim.text) or any(lines_of(path) is not None for path, _, _ in _places(claim)):
        return True
    ran = [" ".join(command.split()) for command in evidence.commands]
    quoted = [
        " ".join(found[2].split()).removesuffix("…").removesuffix("...").strip() for found in SPAN.finditer(claim.text)
    ]
    return any(_is_of(span, command) for span in quoted for command in ran)


def _is_of(span: str, command: str) -> bool:
    """Whether a code span is a command that ran, of two words at least, or a part of one that is told by its length."""
    if span == command and " " in span:
        return True
    return len(span) >= SHORTEST_COMMAND and re.search(rf"(?<![\w-]){re.escape(span)}", command) is not None


def _places(claim: Claim) -> list[tuple[str, int, int]]:
    text = ADDRESS.sub(" ", claim.text)
    return [(found[1].removeprefix("./"), int(found[2]), int(found[3] or found[2])) for found in PLACE.finditer(text)]


def _looks_like_ours(path: str) -> bool:
    """Whether a path that is not in the repository was meant to be: not one of an installed package, nor a host."""
    installed = any(part in ("site-packages", "node_modules", "dist-packages") for part in path.split("/"))
    return not installed and "/" in path and "." in path.rpartition("/")[2]
