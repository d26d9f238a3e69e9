"""Known vulnerabilities of packages, from the OSV API: one batch for all of them, then each advisory once."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import quote

from pydantic import JsonValue

from tools.errors import SourceRefused, SourceUnavailable
from tools.record import Record
from tools.research.settings import Ecosystem
from tools.research.severity import score_of
from tools.research.source import one_line
from tools.research.values import array, table, text
from tools.research.web import UNANSWERED, Ask, Web

logger = logging.getLogger(__name__)

WHO = "OSV"
BATCH = 500
"""Packages of one request; the API takes 1,000."""
LOOKED_AT = 80
"""Advisories that are read in full; more than that are counted."""
PAGES = 5
RECORD_BYTES = 2 * 1024 * 1024
"""Of one advisory; the longest ones known have a fifth of that."""
NAMES = 20
"""Other names, and mending versions, that an advisory is told with."""
MOST_OF_ONE = 2_000
"""Ids of one package that are counted."""
SECONDS = 60.0
"""For all questions of one call."""
PURL_TYPES: dict[Ecosystem, str] = {
    "python": "pypi", "node": "npm", "go": "golang", "rust": "cargo", "maven": "maven",
}  # fmt: skip
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


class Pin(Record):
    """One package in one version."""

    ecosystem: Ecosystem
    name: str
    version: str

    @property
    def purl(self) -> str:
        """The package URL, by which OSV knows packages of all ecosystems."""
        separator = ":" if self.ecosystem == "maven" else "/"
        path = "/".join(quote(part, safe="") for part in self.name.split(separator))
        version = self.version.removeprefix("v") if self.ecosystem == "go" else self.version
        return f"pkg:{PURL_TYPES[self.ecosystem]}/{path}@{quote(version, safe='')}"


class Advisory(Record):
    """One known vulnerability of one package in one version."""

    pin: Pin
    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    score: float | None = None
    """CVSS base score; None where nobody rated it."""
    fixed: tuple[str, ...] = ()
    """Versions that mend it."""

    @property
    def severity(self) -> str:
        """`9.8`, or that it is not rated."""
        return "not rated" if self.score is None else f"{self.score:.1f}"


class Advisories(Record):
    """What is known of some packages."""

    found: tuple[Advisory, ...]
    """Gravest first."""
    not_read: int = 0
    """Further advisories that were found and not read."""


class _Known(NamedTuple):
    pin: Pin
    ids: tuple[str, ...]


def ask_advisories(web: Web, base_url: str, pins: Sequence[Pin]) -> Advisories:
    """Return the advisories for these versions; raises SourceUnavailable."""
    deadline = time.monotonic() + SECONDS
    known: list[_Known] = []
    for begin in range(0, len(pins), BATCH):
        known += _ask_batch(web, base_url, pins[begin : begin + BATCH], deadline)
    ids = list(dict.fromkeys(one for entry in known for one in entry.ids))
    records: dict[str, dict[str, JsonValue]] = {}
    for one in ids[:LOOKED_AT]:
        _check_time(deadline)
        record = _ask_record(web, base_url, one)
        if record is not None:
            records[one] = record
    found = [advisory for entry in known for advisory in _of_pin(entry, records)]
    found.sort(key=lambda advisory: (-(advisory.score or 0.0), advisory.pin.name, advisory.id))
    return Advisories(found=tuple(found), not_read=len(ids) - len(records))


def _ask_batch(web: Web, base_url: str, pins: Sequence[Pin], deadline: float) -> list[_Known]:
    """The ids of each package's advisories; where an answer has further pages, those too."""
    ids: dict[Pin, list[str]] = {pin: [] for pin in pins}
    queries = [(pin, "") for pin in ids]
    for _page in range(PAGES):
        if not queries:
            break
        _check_time(deadline)
        asked = [{"package": {"purl": pin.purl}, **({"page_token": token} if token else {})} for pin, token in queries]
        body = json.dumps({"queries": asked}).encode()
        answer = _asked(web, Ask(f"{base_url.rstrip('/')}/v1/querybatch", WHO, body=body))
        results = array(table(answer).get("results"))
        if len(results) != len(queries):
            raise SourceUnavailable(f"{WHO} {UNANSWERED}: its answer does not fit the question", "go on without it")
        further: list[tuple[Pin, str]] = []
        for (pin, _), result in zip(queries, results, strict=True):
            named = [text(table(vulnerability).get("id")) for vulnerability in array(table(result).get("vulns"))]
            ids[pin] += [one for one in named[:MOST_OF_ONE] if _ID.fullmatch(one)]
            if token := text(table(result).get("next_page_token")):
                further.append((pin, token))
        queries = further
    return [_Known(pin, tuple(named)) for pin, named in ids.items() if named]


def _ask_record(web: Web, base_url: str, id_: str) -> dict[str, JsonValue] | None:
    """One advisory; None for one that is not there or far too long, which must not hide the others."""
    try:
        return table(_json(web, Ask(f"{base_url.rstrip('/')}/v1/vulns/{quote(id_, safe='')}", WHO), RECORD_BYTES))
    except SourceRefused as fault:
        logger.warning("the advisory %s is not read: %s", id_, fault.message)
        return None


def _asked(web: Web, ask: Ask) -> JsonValue:
    try:
        return _json(web, ask, web.limits.answer_bytes)
    except SourceRefused as fault:
        raise SourceUnavailable(f"{WHO} {UNANSWERED}: {fault.message}", "check ROADCREW_OSV_URL") from fault


def _json(web: Web, ask: Ask, limit: int) -> JsonValue:
    return web.json(ask._replace(accept="application/json", limit=min(limit, web.limits.answer_bytes)))


def _check_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise SourceUnavailable(f"{WHO} {UNANSWERED}: it takes more than {SECONDS:g} seconds", "go on without it")


def _of_pin(entry: _Known, records: dict[str, dict[str, JsonValue]]) -> Iterable[Advisory]:
    """One advisory for all records of one weakness: databases list the same one under several ids."""
    groups: list[list[str]] = []
    for id_ in entry.ids:
        record = records.get(id_)
        if record is None or record.get("withdrawn"):
            continue
        names = {id_, *_aliases(record)}
        same = [group for group in groups if any(names & {one, *_aliases(records[one])} for one in group)]
        groups = [group for group in groups if group not in same]
        groups.append([one for group in same for one in group] + [id_])
    return [_advisory(entry.pin, group, records) for group in groups]


def _advisory(pin: Pin, group: list[str], records: dict[str, dict[str, JsonValue]]) -> Advisory:
    main = next((one for one in group if one.startswith("GHSA-")), group[0])
    names = dict.fromkeys([*group, *(alias for one in group for alias in _aliases(records[one]))])
    scores = [score for one in group if (score := score_of(records[one])) is not None]
    said = next((said for one in (main, *group) if (said := _said(records[one]))), "")
    fixed = dict.fromkeys(version for one in group for version in _fixed(records[one], pin))
    return Advisory(
        pin=pin,
        id=main,
        aliases=tuple(name for name in names if name != main)[:NAMES],
        summary=one_line(said, 200),
        score=max(scores, default=None),
        fixed=tuple(fixed)[:NAMES],
    )


def _aliases(record: dict[str, JsonValue]) -> list[str]:
    return [text(alias) for alias in array(record.get("aliases"))[:NAMES] if _ID.fullmatch(text(alias))]


def _said(record: dict[str, JsonValue]) -> str:
    return text(record.get("summary")) or text(record.get("details")).partition("\n")[0]


def _fixed(record: dict[str, JsonValue], pin: Pin) -> list[str]:
    """The versions of this package in which the record says it is mended; commits of a source are no versions."""
    versions: list[str] = []
    for entry in map(table, array(record.get("affected"))):
        named = text(table(entry.get("package")).get("name"))
        if _plain(named) != _plain(pin.name):
            continue
        for span in map(table, array(entry.get("ranges"))):
            if text(span.get("type")) != "GIT":
                versions += [fixed for event in array(span.get("events")) if (fixed := text(table(event).get("fixed")))]
    return [one_line(version, 60) for version in versions]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
