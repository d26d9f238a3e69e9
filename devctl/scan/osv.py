"""Asking an OSV service about packages."""

import http.client
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devctl.errors import ScanFailed
from devctl.scan.records import Package, ScanFinding, severity_of
from devctl.web_addresses import http_address

log = logging.getLogger(__name__)

BATCH = 500
SECONDS = 30.0
_ANSWER_BYTES = 64 * 2**20
_WORDS = {"critical": 9.0, "high": 7.0, "important": 7.0, "moderate": 5.5, "medium": 5.5, "low": 2.0}
"""For advisories that give a word and no vector: the middle or the foot of the word's range."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Id(_Part):
    id: str


class _Result(_Part):
    vulns: list[_Id] = Field(default_factory=list)
    next_page_token: str = ""


class _Batch(_Part):
    results: list[_Result]


class _Severity(_Part):
    type: str
    score: str


class _Named(_Part):
    name: str = ""
    ecosystem: str = ""


class _Range(_Part):
    events: list[dict[str, str]] = Field(default_factory=list)


class _Affected(_Part):
    package: _Named = _Named()
    ranges: list[_Range] = Field(default_factory=list)
    severity: list[_Severity] = Field(default_factory=list)


class _Advisory(_Part):
    id: str
    summary: str = ""
    details: str = ""
    aliases: list[str] = Field(default_factory=list)
    upstream: list[str] = Field(default_factory=list)
    withdrawn: str | None = None
    severity: list[_Severity] = Field(default_factory=list)
    affected: list[_Affected] = Field(default_factory=list)
    database_specific: dict[str, Any] = Field(default_factory=dict)


Answer = TypeVar("Answer", bound=_Part)


class Osv:
    """One OSV service; a connection for one scan."""

    def __init__(self, url: str) -> None:
        parts = http_address(url)
        if parts is None:
            raise ScanFailed(f"{url!r} is no address of an OSV service", "set DEVCTL_OSV_URL to https://…")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.url = url
        self._path = parts.path.rstrip("/")
        self._connection = kind(parts.hostname, parts.port, timeout=SECONDS)
        self._known: dict[str, _Advisory] = {}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def findings(self, packages: Sequence[Package]) -> list[ScanFinding]:
        """All that is known against these packages; raises ScanFailed."""
        found: list[ScanFinding] = []
        for start in range(0, len(packages), BATCH):
            batch = packages[start : start + BATCH]
            for package, ids in zip(batch, self._ids(batch), strict=True):
                advisories = [self._advisory(one) for one in sorted(ids)]
                found += [_finding(package, one, self._score(one)) for one in advisories if one.withdrawn is None]
        return found

    def _ids(self, packages: Sequence[Package]) -> list[set[str]]:
        ids: list[set[str]] = [set() for _ in packages]
        waiting = {place: "" for place in range(len(packages))}
        while waiting:
            places = list(waiting)
            queries = [_query(packages[place], waiting[place]) for place in places]
            answer = self._ask("POST", "/v1/querybatch", {"queries": queries}, _Batch)
            if len(answer.results) != len(places):
                raise ScanFailed(f"{self.url} answered {len(answer.results)} of {len(places)} questions", "try again")
            waiting = {}
            for place, result in zip(places, answer.results, strict=True):
                ids[place] |= {one.id for one in result.vulns}
                if result.next_page_token:
                    waiting[place] = result.next_page_token
        return ids

    def _advisory(self, name: str) -> _Advisory:
        if name not in self._known:
            self._known[name] = self._ask("GET", f"/v1/vulns/{quote(name, safe='')}", None, _Advisory)
        return self._known[name]

    def _score(self, advisory: _Advisory) -> float | None:
        """The advisory's own score, or that of the CVE it is about: distributions rate with words."""
        own = rated(advisory)
        if own is None:
            for name in (*advisory.upstream, *advisory.aliases):
                if name.startswith("CVE-"):
                    try:
                        own = rated(self._advisory(name))
                    except ScanFailed as error:
                        log.debug("%s: %s", name, error)
                    if own is not None:
                        break
        word = str(advisory.database_specific.get("severity", "")).lower()
        return own if own is not None else _WORDS.get(word)

    def _ask(self, method: str, path: str, body: object, kind: type[Answer]) -> Answer:
        try:
            data = json.dumps(body) if body is not None else None
            self._connection.request(method, self._path + path, data, {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            text = answer.read(_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise ScanFailed(
                f"the OSV service {self.url} does not answer: {error}", "try later, or set DEVCTL_OSV_URL"
            ) from error
        if answer.status != 200:
            raise ScanFailed(f"the OSV service {self.url} answers {path} with {answer.status}", "check DEVCTL_OSV_URL")
        try:
            return kind.model_validate_json(text)
        except ValidationError as error:
            raise ScanFailed(
                f"the OSV service {self.url} answers {path} in another form", "check DEVCTL_OSV_URL"
            ) from error


def rated(advisory: _Advisory) -> float | None:
    """The highest CVSS base score among an advisory's vectors."""
    vectors = [*advisory.severity, *(one for affected in advisory.affected for one in affected.severity)]
    scores = [score for one in vectors if (score := base_score(one.score)) is not None]
    return max(scores, default=None)


def base_score(vector: str) -> float | None:
    """The base score of a CVSS vector of version 2, 3 or 4; None for what is none."""
    from cvss import CVSS2, CVSS3, CVSS4
    from cvss.exceptions import CVSSError

    try:
        if vector.startswith("CVSS:4"):
            return float(CVSS4(vector).base_score)
        return float((CVSS3 if vector.startswith("CVSS:3") else CVSS2)(vector).base_score)
    except CVSSError:
        return None


def _query(package: Package, token: str) -> dict[str, object]:
    asked: dict[str, object] = {
        "package": {"name": package.name, "ecosystem": package.ecosystem}, "version": package.version,
    }  # fmt: skip
    return asked | ({"page_token": token} if token else {})


def _finding(package: Package, advisory: _Advisory, score: float | None) -> ScanFinding:
    return ScanFinding(
        id=advisory.id, aliases=tuple(sorted({*advisory.aliases, *advisory.upstream})), package=package.name,
        version=package.version, ecosystem=package.ecosystem, score=score, severity=severity_of(score),
        fixed=tuple(_fixed(package, advisory)), summary=(advisory.summary or advisory.details.partition("\n")[0])[:300],
    )  # fmt: skip


def _fixed(package: Package, advisory: _Advisory) -> Iterator[str]:
    for affected in advisory.affected:
        if affected.package.name == package.name and package.ecosystem.startswith(
            affected.package.ecosystem.partition(":")[0]
        ):
            yield from dict.fromkeys(
                event["fixed"] for one in affected.ranges for event in one.events if "fixed" in event
            )
