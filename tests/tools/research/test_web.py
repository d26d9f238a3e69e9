"""Requests to the web: limits of time and size, redirects, and addresses that are not asked."""

import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.research.conftest import QUICK
from tests.tools.research.outside_server import OutsideServer, Reply, as_html, as_json, packed, sent_on
from tools.errors import SourceRefused, SourceUnavailable
from tools.research.addresses import origin_of, resolve, without_credentials
from tools.research.web import Ask, Web


@pytest.fixture
def web(server: OutsideServer) -> Web:
    """A web in which the server is one that the settings name."""
    return Web(QUICK, [origin_of(server.url)])


PRIVATE = [
    "http://127.0.0.1:9/",
    "http://localhost:9/",
    "http://10.1.2.3/",
    "http://192.168.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://0.0.0.0/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
    "http://100.64.0.1/",
    "http://224.0.0.1/",
]
NO_ADDRESS = [
    "file:///etc/passwd",
    "gopher://x/",
    "http:///x",
    "http://a b/",
    "http://x:0/",
    "http://x:99999/",
    "x",
    "http://[::1/",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_private_addresses_are_refused(url: str) -> None:
    with pytest.raises(SourceRefused, match="not on the public network"):
        resolve(url)


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(SourceRefused, match="is no"):
        resolve(url)


def test_a_named_host_may_be_private_at_its_own_port_alone() -> None:
    assert resolve("http://127.0.0.1:8080/x", [origin_of("http://127.0.0.1:8080")]).address == "127.0.0.1"
    with pytest.raises(SourceRefused):
        resolve("http://127.0.0.1:8081/x", [origin_of("http://127.0.0.1:8080")])


def test_a_public_address_is_pinned_with_its_name_kept() -> None:
    target = resolve("https://8.8.8.8/a%20b?c=d#e")
    assert (target.address, target.port, target.path) == ("8.8.8.8", 443, "/a%20b?c=d")


def test_credentials_are_not_shown() -> None:
    assert without_credentials("https://me:secret@example.org:444/a?b#c") == "https://example.org:444/a?b"


@given(st.text(max_size=60))
def test_any_text_is_an_origin_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"https://example.org/{text}"):
        try:
            scheme, host, port = origin_of(url)
        except SourceRefused:
            continue
        assert scheme in ("http", "https") and host and 0 < port < 65536


def test_redirect_to_a_private_address_is_not_followed(web: Web, server: OutsideServer) -> None:
    server.pages["/a"] = sent_on("http://169.254.169.254/latest/meta-data/")
    with pytest.raises(SourceRefused, match=r"169\.254\.169\.254 is not on the public network"):
        web.get(Ask(f"{server.url}/a", "the page"))


def test_redirects_are_followed_a_few_times(web: Web, server: OutsideServer) -> None:
    server.pages |= {"/a": sent_on("/b"), "/b": sent_on(f"{server.url}/c"), "/c": as_html("there"), "/r": sent_on("/r")}
    answer = web.get(Ask(f"{server.url}/a", "the page"))
    assert (answer.body, answer.url) == (b"there", f"{server.url}/c")
    with pytest.raises(SourceRefused, match="sends us on without end"):
        web.get(Ask(f"{server.url}/r", "the page"))


def test_credentials_stay_with_the_origin_that_is_asked(server: OutsideServer) -> None:
    other = server.url.replace("127.0.0.1", "localhost")
    server.pages |= {"/a": sent_on(f"{other}/b"), "/b": as_json({})}
    web = Web(QUICK, [origin_of(server.url), origin_of(other)], authorization="Basic c2VjcmV0")
    web.get(Ask(f"{server.url}/a", "the registry"))
    assert [headers.get("authorization") for headers in server.headers] == ["Basic c2VjcmV0", None]


def test_packed_answers_are_unpacked(web: Web, server: OutsideServer) -> None:
    server.pages["/a"] = packed(as_json({"a": 1}))
    assert web.json(Ask(f"{server.url}/a", "the registry")) == {"a": 1}


def test_too_much_is_refused_packed_or_not(web: Web, server: OutsideServer) -> None:
    server.pages |= {"/bomb": packed(Reply(b"0" * 5_000_000)), "/long": Reply(b"0" * 5_000_000)}
    for path in ("/bomb", "/long"):
        with pytest.raises(SourceRefused, match="answers more than 1000 bytes"):
            web.get(Ask(f"{server.url}{path}", "the page", limit=1000))


def test_a_cut_answer_is_no_answer(web: Web, server: OutsideServer) -> None:
    server.pages |= {
        "/short": Reply(b"0" * 1000, cut_after=10),
        "/half": Reply(packed(Reply(b"abc" * 1000)).body[:-20], headers={"Content-Encoding": "gzip"}),
    }
    for path in ("/short", "/half"):
        with pytest.raises(SourceUnavailable, match="could not be asked: its answer was cut short"):
            web.get(Ask(f"{server.url}{path}", "the page"))


def test_a_dripping_answer_ends_at_the_deadline(server: OutsideServer) -> None:
    server.pages["/slow"] = Reply(b"0" * 10_000, drip=0.05)
    web = Web(QUICK.model_copy(update={"seconds": 0.3}), [origin_of(server.url)])
    with pytest.raises(SourceUnavailable, match=r"no whole answer within 0\.3 seconds"):
        web.get(Ask(f"{server.url}/slow", "the page"))


def test_a_busy_service_is_asked_once_more(web: Web, server: OutsideServer) -> None:
    server.pages["/a"] = as_json([1])
    server.faults["/a"] = [as_json({}, 429, Retry_After="0")]
    assert web.json(Ask(f"{server.url}/a", "the registry")) == [1]
    server.faults["/a"] = [as_json({}, 429, Retry_After="3600")]
    with pytest.raises(SourceUnavailable, match="answers 429 and wants us back in 3600 seconds"):
        web.json(Ask(f"{server.url}/a", "the registry"))


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (as_json({}, 500), "it answers 500"),
        (as_json({}, 403), "it answers 403"),
        (Reply(b"<html>sign in</html>"), "its answer is no JSON"),
        (Reply(b"[" * 100_000), "its answer is no JSON"),
        (Reply(b"\xff\xfe\x00"), "its answer is no JSON"),
    ],
)
def test_nonsense_is_said_to_be_that(server: OutsideServer, reply: Reply, words: str) -> None:
    server.faults["/a"] = [reply, reply]
    web = Web(QUICK.model_copy(update={"longest_wait": 1.0}), [origin_of(server.url)])
    with pytest.raises(SourceUnavailable, match=f"OSV could not be asked: {words}"):
        web.json(Ask(f"{server.url}/a", "OSV"))


def test_a_service_that_is_away_is_soon_not_asked_any_more() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    web = Web(QUICK, [origin_of(url)])
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match="refused"):
            web.get(Ask(url, "OSV"))
    with pytest.raises(SourceUnavailable, match="it did not answer before"):
        web.get(Ask(url, "OSV"))


def test_a_service_that_came_back_is_asked_again(server: OutsideServer) -> None:
    server.faults["/a"] = [Reply(b"00", cut_after=1), Reply(b"00", cut_after=1)]
    server.pages["/a"] = as_json({})
    web = Web(QUICK.model_copy(update={"away_seconds": 0.01}), [origin_of(server.url)])
    for _ in range(2):
        with pytest.raises(SourceUnavailable):
            web.get(Ask(f"{server.url}/a", "OSV"))
    time.sleep(0.02)
    assert web.get(Ask(f"{server.url}/a", "OSV")).status == 200


def test_a_name_that_leads_nowhere_is_said() -> None:
    with pytest.raises(SourceUnavailable, match=r"OSV could not be asked: the name nobody\.invalid leads nowhere"):
        Web(QUICK).get(Ask("https://nobody.invalid/", "OSV"))
