"""Web search by a SearXNG server."""

from __future__ import annotations

from urllib.parse import urlencode

from pydantic import JsonValue

from tools.errors import SourceRefused, SourceUnavailable
from tools.research.addresses import origin_of
from tools.research.source import Hit, one_line
from tools.research.web import UNANSWERED, Ask, Web

WHO = "the search"
HITS = 8
EXCERPT = 400
"""Characters of a result's excerpt."""


def search(web: Web, base_url: str, query: str) -> tuple[Hit, ...]:
    """Return the best results; raises SourceUnavailable, also where the server does not answer in JSON."""
    url = f"{base_url.rstrip('/')}/search?{urlencode({'q': query, 'format': 'json'})}"
    try:
        return hits_of(web.json(Ask(url, WHO, accept="application/json", limit=web.limits.answer_bytes)))
    except SourceRefused as fault:
        raise SourceUnavailable(f"{WHO} {UNANSWERED}: {fault.message}", "mend ROADCREW_SEARCH_URL") from fault
    except SourceUnavailable as fault:
        if "answers 403" not in fault.message:
            raise
        raise SourceUnavailable(
            f"{WHO} {UNANSWERED}: it answers 403", "have the server's settings list json among search.formats"
        ) from fault


def hits_of(answer: JsonValue) -> tuple[Hit, ...]:
    """Return the results in a SearXNG answer, each address once; what cannot be asked is left out."""
    found = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise SourceUnavailable(f"{WHO} {UNANSWERED}: its answer has no results", "check ROADCREW_SEARCH_URL")
    hits: dict[str, Hit] = {}
    for entry in found:
        hit = _hit(entry)
        if hit is not None and len(hits) < HITS:
            hits.setdefault(hit.url, hit)
    return tuple(hits.values())


def _hit(entry: JsonValue) -> Hit | None:
    url = entry.get("url") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(url, str) or len(url) > 2000:
        return None
    try:
        origin_of(url)
    except SourceRefused:
        return None
    title, content = entry.get("title"), entry.get("content")
    return Hit(
        title=one_line(title, 200) if isinstance(title, str) and title.strip() else url[:200],
        url=url,
        excerpt=one_line(content, EXCERPT) if isinstance(content, str) else "",
    )
