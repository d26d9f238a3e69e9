"""A Python index's JSON API: `<base>/<name>/json`."""

from __future__ import annotations

import re
from urllib.parse import quote

from packaging.version import InvalidVersion, Version
from pydantic import JsonValue

from tools.errors import SourceUnavailable
from tools.research.addresses import without_credentials
from tools.research.packages import VERSION, PackageFacts, Release
from tools.research.values import array, number, table, text
from tools.research.web import UNANSWERED, Ask, Web

WHO = "the Python package index"
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
LINKS = 8


def python_package(web: Web, base_url: str, name: str) -> PackageFacts:
    """Return what the index says; raises SourceUnavailable, and SourceRefused where it knows no such package."""
    url = f"{base_url.rstrip('/')}/{quote(name, safe='')}/json"
    return facts_of(
        web.json(Ask(url, WHO, accept="application/json", limit=web.limits.answer_bytes)), without_credentials(url)
    )


def facts_of(answer: JsonValue, address: str) -> PackageFacts:
    """Return the facts in an answer; raises SourceUnavailable for one of another form."""
    info = table(table(answer).get("info"))
    if not text(info.get("name")) or not text(info.get("version")):
        raise SourceUnavailable(f"{WHO} {UNANSWERED}: its answer is no package's", "check its address")
    latest = text(info.get("version"))
    files = [table(file) for file in array(table(answer).get("urls"))]
    people = {
        word.strip().lower()
        for key in ("author_email", "maintainer_email", "author", "maintainer")
        for word in text(info.get(key)).split(",")
        if word.strip() and (key.endswith("email") or not text(info.get(f"{key}_email")))
    }
    return PackageFacts(
        name=text(info.get("name")),
        latest=latest,
        summary=text(info.get("summary")),
        license=_license(info),
        needs=text(info.get("requires_python")),
        releases=_releases(table(table(answer).get("releases"))),
        links=tuple((label, text(link)) for label, link in list(table(info.get("project_urls")).items())[:LINKS]),
        maintainers=len(people) or None,
        size=max((number(file.get("size")) for file in files), default=None),
        address=address,
    )


def _license(info: dict[str, JsonValue]) -> str:
    if expression := text(info.get("license_expression")):
        return expression
    classified = [
        text(entry).rpartition(" :: ")[2]
        for entry in array(info.get("classifiers"))
        if text(entry).startswith("License :: ")
    ]
    return ", ".join(classified) or text(info.get("license")).partition("\n")[0]


def _releases(found: dict[str, JsonValue]) -> tuple[Release, ...]:
    """The versions with files, newest first; what is no version by PEP 440 cannot be installed."""
    releases: list[tuple[Version, Release]] = []
    for version, files in found.items():
        tables = [table(file) for file in array(files)]
        try:
            parsed = Version(version) if len(version) <= VERSION else None
        except InvalidVersion:
            continue
        if not tables or parsed is None:
            continue
        yanked = all(file.get("yanked") is True for file in tables)
        reason = next((text(file.get("yanked_reason")) for file in tables if file.get("yanked_reason")), "")
        releases.append(
            (
                parsed,
                Release(
                    version=version,
                    date=min(text(file.get("upload_time"))[:10] for file in tables),
                    withdrawn=(reason or "yanked") if yanked else "",
                    needs=next(
                        (text(file.get("requires_python")) for file in tables if file.get("requires_python")), ""
                    ),
                ),
            )
        )
    return tuple(release for _, release in sorted(releases, key=lambda pair: pair[0], reverse=True))
