"""An npm registry: the document of a package, `<base>/<name>`."""

from __future__ import annotations

import re
from urllib.parse import quote

from pydantic import JsonValue

from tools.errors import SourceRefused, SourceUnavailable
from tools.research.addresses import without_credentials
from tools.research.packages import VERSION, PackageFacts, Release
from tools.research.values import array, number, table, text
from tools.research.web import UNANSWERED, Ask, Web

WHO = "the npm registry"
NAME = re.compile(r"(@[a-z0-9~_][a-z0-9._~-]{0,100}/)?[A-Za-z0-9~_][A-Za-z0-9._~-]{0,200}")
SHORT = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8"
"""The form that installers ask for, without dates: for packages whose whole document is too large."""
_NUMBERS = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(-?)")


def node_package(web: Web, base_url: str, name: str) -> PackageFacts:
    """Return what the registry says; raises SourceUnavailable, and SourceRefused where it knows no such package."""
    url = f"{base_url.rstrip('/')}/{quote(name, safe='@')}"
    ask = Ask(url, WHO, accept="application/json", limit=web.limits.answer_bytes)
    try:
        answer = web.json(ask)
    except SourceRefused as fault:
        if "answers more than" not in fault.message:
            raise
        answer = web.json(ask._replace(accept=SHORT))
    return facts_of(answer, without_credentials(url))


def facts_of(answer: JsonValue, address: str) -> PackageFacts:
    """Return the facts in a document; raises SourceUnavailable for one of another form."""
    whole = table(answer)
    times = table(whole.get("time"))
    versions = {version: told for version, told in table(whole.get("versions")).items() if len(version) <= VERSION}
    latest = text(table(whole.get("dist-tags")).get("latest"))
    latest = latest if latest in versions else ""
    if not text(whole.get("name")) or not versions:
        raise SourceUnavailable(f"{WHO} {UNANSWERED}: its answer is no package's", "check its address")
    newest = table(versions.get(latest))
    links = {
        "homepage": text(whole.get("homepage")) or text(newest.get("homepage")),
        "repository": _address(whole.get("repository") or newest.get("repository")),
    }
    people = array(whole.get("maintainers")) or array(newest.get("maintainers"))
    return PackageFacts(
        name=text(whole.get("name")),
        latest=latest,
        summary=text(whole.get("description")) or text(newest.get("description")),
        license=_license(newest.get("license") or whole.get("license")),
        needs=_engines(newest),
        releases=tuple(
            Release(
                version=version,
                date=text(times.get(version))[:10],
                withdrawn=_deprecated(table(versions[version]).get("deprecated")),
                needs=_engines(table(versions[version])),
            )
            for version in sorted(versions, key=_order, reverse=True)
        ),
        links=tuple((label, link) for label, link in links.items() if link),
        maintainers=len(people) or None,
        size=number(table(newest.get("dist")).get("unpackedSize")) or None,
        address=address,
    )


def _order(version: str) -> tuple[int, int, int, bool, str]:
    """Sort by numbers, a pre-release before its release."""
    found = _NUMBERS.match(version)
    if found is None:
        return (-1, 0, 0, False, version)
    return (int(found[1]), int(found[2]), int(found[3]), not found[4], version)


def _deprecated(value: JsonValue) -> str:
    return text(value) or ("deprecated" if value is True else "")


def _engines(version: dict[str, JsonValue]) -> str:
    needed = text(table(version.get("engines")).get("node"))
    return f"node {needed}" if needed else ""


def _license(value: JsonValue) -> str:
    return text(value) or text(table(value).get("type"))


def _address(value: JsonValue) -> str:
    return text(value) or text(table(value).get("url"))
