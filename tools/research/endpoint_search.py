"""Web search by the model's own endpoint: the Responses API with its web search tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.errors import SourceUnavailable
from tools.research.search import HITS, WHO
from tools.research.settings import EndpointSearch
from tools.research.source import Hit, one_line
from tools.research.web import UNANSWERED

if TYPE_CHECKING:
    from openai.types.responses import Response


def search_by_endpoint(settings: EndpointSearch, query: str) -> tuple[Hit, ...]:
    """Return the addresses that the endpoint's search found, each with what is said of it; SourceUnavailable else.

    The endpoint's summary itself is no source: a claim is made from the pages, which are read.
    """
    import openai

    question = f"Search the web. Name the pages that answer this best, each with one sentence on what it says: {query}"
    try:
        with openai.OpenAI(
            base_url=settings.base_url,
            api_key=settings.api_key.get_secret_value() or "none",
            timeout=settings.seconds,
            max_retries=1,
        ) as client:
            response = client.responses.create(
                model=settings.model, input=question, tools=[{"type": "web_search"}], store=False
            )
    except openai.APIStatusError as fault:
        raise SourceUnavailable(
            f"{WHO} {UNANSWERED}: the model's endpoint answers {fault.status_code} to a web search",
            "set ROADCREW_SEARCH_URL to a SearXNG server where the endpoint has no search",
        ) from fault
    except (openai.OpenAIError, ValueError) as fault:
        words = one_line(str(fault), 200)
        raise SourceUnavailable(f"{WHO} {UNANSWERED}: {words}", "go on without it") from fault
    return _hits(response)


def _hits(response: Response) -> tuple[Hit, ...]:
    """The pages that the answer cites, each with the words around its citation."""
    hits: dict[str, Hit] = {}
    for item in response.output or ():
        if item.type != "message":
            continue
        for part in item.content:
            if part.type != "output_text":
                continue
            for note in part.annotations:
                if note.type == "url_citation" and note.url not in hits and len(hits) < HITS:
                    said = part.text[max(0, note.start_index - 300) : note.start_index]
                    hits[note.url] = Hit(
                        title=one_line(note.title or note.url, 200), url=note.url, excerpt=one_line(said, 300)
                    )
    return tuple(hits.values())
