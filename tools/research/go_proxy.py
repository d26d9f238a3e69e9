"""A Go module proxy, by its protocol: `<base>/<module>/@v/list`, `@latest` and the `go.mod` of a version."""

from __future__ import annotations

import re

from tools.errors import SourceRefused, SourceUnavailable
from tools.research.addresses import without_credentials
from tools.research.packages import VERSION, PackageFacts, Release
from tools.research.values import table, text
from tools.research.web import UNANSWERED, Ask, Web

WHO = "the Go module proxy"
NAME = re.compile(r"(?=.{3,200}\Z)[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)+(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
"""A module's path: its first element is a host."""
LIST_BYTES = 1024 * 1024
_RELEASE = re.compile(r"v(\d{1,9})\.(\d{1,9})\.(\d{1,9})(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_GO = re.compile(r"^go\s+(\S+)", re.MULTILINE)
_DEPRECATED = re.compile(r"^//\s*Deprecated:\s*(.+)$", re.MULTILINE)
_RETRACTED = re.compile(r"^retract\s+(?:\(([^)]*)\)|([^\n(]+))", re.MULTILINE)


def go_module(web: Web, base_url: str, name: str) -> PackageFacts:
    """Return what the proxy says; raises SourceUnavailable, and SourceRefused where it knows no such module."""
    base = f"{base_url.rstrip('/')}/{escaped(name)}"
    latest = table(web.json(Ask(f"{base}/@latest", WHO, accept="application/json", limit=LIST_BYTES)))
    newest = text(latest.get("Version"))
    if not _RELEASE.fullmatch(newest) or len(newest) > VERSION:
        raise SourceUnavailable(f"{WHO} {UNANSWERED}: its answer is no module's", "check its address")
    listed = [line.strip() for line in _text(web, f"{base}/@v/list").splitlines()]
    versions = {one for one in (*listed, newest) if len(one) <= VERSION and _RELEASE.fullmatch(one)}
    module = _text(web, f"{base}/@v/{escaped(newest)}.mod")
    needs = _GO.search(module)
    deprecated = _DEPRECATED.search(module)
    dates = {newest: text(latest.get("Time"))[:10]}
    withdrawn = _withdrawn(module)
    if deprecated:
        withdrawn[newest] = f"the module is deprecated: {deprecated[1].strip()}"
    return PackageFacts(
        name=name,
        latest=newest,
        needs=f"go {needs[1]}" if needs else "",
        releases=tuple(
            Release(version=version, date=dates.get(version, ""), withdrawn=withdrawn.get(version, ""))
            for version in sorted(versions, key=_order, reverse=True)
        ),
        address=without_credentials(base),
    )


def escaped(name: str) -> str:
    """A path or version as the protocol writes it: `!a` for `A`."""
    return re.sub(r"[A-Z]", lambda found: f"!{found[0].lower()}", name)


def _text(web: Web, url: str) -> str:
    """A plain answer; empty where the proxy has none."""
    answer = web.get(Ask(url, WHO, accept="text/plain", limit=LIST_BYTES))
    if answer.status in (404, 410):
        return ""
    if answer.status != 200:
        raise SourceUnavailable(f"{WHO} {UNANSWERED}: it answers {answer.status}", "go on without it")
    return answer.body.decode("utf-8", "replace")


def _withdrawn(module: str) -> dict[str, str]:
    """Versions that a go.mod retracts one by one; of a range, its two ends."""
    found: dict[str, str] = {}
    for block in _RETRACTED.finditer(module):
        for line in (block[1] or block[2].partition("\n")[0]).splitlines():
            versions, _, why = line.partition("//")
            for version in _RELEASE.finditer(versions):
                found[version[0]] = f"retracted: {why.strip()}" if why.strip() else "retracted"
    return found


def _order(version: str) -> tuple[int, int, int, bool, str]:
    found = _RELEASE.fullmatch(version)
    if found is None:
        raise SourceRefused(f"{version!r} is no version", "give one such as v1.2.3")
    return int(found[1]), int(found[2]), int(found[3]), found[4] is None, found[4] or ""
