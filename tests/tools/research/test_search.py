"""Search by a SearXNG server and by the model's own endpoint."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.tools.research.conftest import settings_for
from tests.tools.research.outside_server import OutsideServer, Reply, as_json
from tools.errors import SourceUnavailable
from tools.research.outside import OutsideSources
from tools.research.search import HITS, hits_of
from tools.research.settings import ENDPOINT, EndpointSearch

HIT: dict[str, Any] = {
    "url": "https://docs.example.org/a",
    "title": "The\n guide",
    "content": "How to  do it",
    "engine": "duckduckgo",
    "engines": ["duckduckgo"],
    "positions": [1],
    "score": 1.0,
    "category": "general",
    "publishedDate": None,
}


def test_results_are_told_in_one_line_each(outside: OutsideSources, server: OutsideServer) -> None:
    server.hits = [HIT]
    (hit,) = outside.search("how to & why")
    assert (hit.title, hit.url, hit.excerpt) == ("The guide", "https://docs.example.org/a", "How to do it")
    assert server.asked == ["GET /search?q=how+to+%26+why&format=json"]


def test_results_come_once_and_only_so_many() -> None:
    found: list[Any] = [{**HIT, "url": f"https://example.org/{number // 2}"} for number in range(40)]
    assert [hit.url for hit in hits_of({"results": found})] == [f"https://example.org/{n}" for n in range(HITS)]


def test_results_that_cannot_be_asked_are_left_out() -> None:
    odd: list[Any] = [{**HIT, "url": url} for url in ("javascript:alert(1)", "file:///etc/passwd", "", 7, None)]
    assert hits_of({"results": [*odd, "x", None, HIT]})[0].url == HIT["url"]


def test_a_server_without_json_says_what_to_set(outside: OutsideSources, server: OutsideServer) -> None:
    server.faults["/search"] = [Reply(b"<h1>Forbidden</h1>", 403)]
    with pytest.raises(SourceUnavailable, match=r"answers 403") as caught:
        outside.search("x")
    assert "search.formats" in caught.value.hint


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["url", "title", "content", "results"]), inner)
    ),
    max_leaves=10,
)


@given(json_values)
def test_any_answer_gives_hits_or_is_no_answer(answer: Any) -> None:
    try:
        hits = hits_of(answer)
    except SourceUnavailable:
        return
    assert all(hit.url.startswith("http") for hit in hits)


def response(text: str, *cited: tuple[str, str]) -> dict[str, Any]:
    """A Responses API answer with a web search and a text that cites these addresses."""
    notes = [
        {"type": "url_citation", "start_index": len(text), "end_index": len(text), "title": title, "url": url}
        for url, title in cited
    ]
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": "m",
        "output": [
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "completed",
                "action": {"type": "search", "query": "q"},
            },
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": notes}],
            },
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def by_endpoint(server: OutsideServer) -> OutsideSources:
    endpoint = EndpointSearch(base_url=f"{server.url}/v1", api_key=SecretStr("key"), model="m", seconds=5)
    return OutsideSources(settings_for(server).model_copy(update={"search_url": ENDPOINT, "endpoint": endpoint}))


def test_the_endpoints_search_gives_the_pages_that_it_cites(server: OutsideServer) -> None:
    answer = response(
        "It is so.", ("https://a.example.org/", "A"), ("https://b.example.org/", "B"), ("https://a.example.org/", "A")
    )
    server.faults["/v1/responses"] = [as_json(answer)]
    hits = by_endpoint(server).search("q")
    assert [(hit.title, hit.url) for hit in hits] == [("A", "https://a.example.org/"), ("B", "https://b.example.org/")]
    assert hits[0].excerpt == "It is so."


@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_endpoint_without_search_is_said_to_have_none(server: OutsideServer, status: int) -> None:
    server.faults["/v1/responses"] = [as_json({"error": {"message": "no such route"}}, status)] * 3
    with pytest.raises(
        SourceUnavailable, match=f"the search could not be asked: the model's endpoint answers {status}"
    ):
        by_endpoint(server).search("q")
