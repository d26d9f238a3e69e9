"""Advisories: asked in one batch, told once each, as grave as CVSS says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.research.documents import osv_record
from tests.tools.research.outside_server import OutsideServer, as_json
from tools.errors import SourceUnavailable
from tools.research.advisories import Pin
from tools.research.outside import OutsideSources
from tools.research.severity import score_of

SHELF = Pin(ecosystem="python", name="shelf", version="2.0.0")
OTHER = Pin(ecosystem="node", name="@acme/other", version="1.0.0")


def test_all_packages_are_asked_at_once_and_each_advisory_once(outside: OutsideSources, server: OutsideServer) -> None:
    server.vulnerable = {"pkg:pypi/shelf@2.0.0": ["GHSA-1"]}
    server.advisories = {"GHSA-1": osv_record("GHSA-1", "shelf")}
    (found,) = outside.advisories([SHELF, OTHER]).found
    assert (found.pin, found.id, found.score, found.fixed) == (SHELF, "GHSA-1", 9.8, ("2.0.1",))
    assert server.asked == ["POST /v1/querybatch", "GET /v1/vulns/GHSA-1"]


PURLS = [
    (SHELF, "pkg:pypi/shelf@2.0.0"),
    (OTHER, "pkg:npm/%40acme/other@1.0.0"),
    (Pin(ecosystem="go", name="example.org/a/b", version="v1.2.3"), "pkg:golang/example.org/a/b@1.2.3"),
    (Pin(ecosystem="rust", name="serde", version="1.0.0"), "pkg:cargo/serde@1.0.0"),
    (Pin(ecosystem="maven", name="org.acme:shelf", version="1.0"), "pkg:maven/org.acme/shelf@1.0"),
]


@pytest.mark.parametrize(("pin", "purl"), PURLS)
def test_packages_are_named_by_their_urls(pin: Pin, purl: str) -> None:
    assert pin.purl == purl


def test_one_weakness_under_two_ids_is_told_once_with_the_graver_score(
    outside: OutsideSources, server: OutsideServer
) -> None:
    server.vulnerable = {SHELF.purl: ["PYSEC-7", "GHSA-1", "GHSA-2"]}
    server.advisories = {
        "PYSEC-7": osv_record("PYSEC-7", "shelf", severity=[], aliases=["CVE-2026-1001", "GHSA-1"], fixed="2.0.2"),
        "GHSA-1": osv_record("GHSA-1", "shelf"),
        "GHSA-2": osv_record("GHSA-2", "shelf", fixed=None, aliases=["CVE-2026-2"], severity=[]),
    }
    first, second = outside.advisories([SHELF]).found
    assert (first.id, first.aliases, first.score) == ("GHSA-1", ("PYSEC-7", "CVE-2026-1001"), 9.8)
    assert first.fixed == ("2.0.2", "2.0.1")
    assert (second.id, second.score, second.severity, second.fixed) == ("GHSA-2", None, "not rated", ())


def test_withdrawn_advisories_do_not_count(outside: OutsideSources, server: OutsideServer) -> None:
    server.vulnerable = {SHELF.purl: ["GHSA-1"]}
    server.advisories = {"GHSA-1": osv_record("GHSA-1", "shelf", withdrawn="2026-02-01T00:00:00Z")}
    assert outside.advisories([SHELF]).found == ()


def test_further_pages_are_asked_for(outside: OutsideSources, server: OutsideServer) -> None:
    server.faults["/v1/querybatch"] = [as_json({"results": [{"vulns": [], "next_page_token": "t"}]})]
    server.vulnerable = {SHELF.purl: ["GHSA-1"]}
    server.advisories = {"GHSA-1": osv_record("GHSA-1", "shelf")}
    assert [found.id for found in outside.advisories([SHELF]).found] == ["GHSA-1"]
    assert server.asked.count("POST /v1/querybatch") == 2


def test_very_many_advisories_are_counted(outside: OutsideSources, server: OutsideServer) -> None:
    names = [f"GHSA-{number}" for number in range(90)]
    server.vulnerable = {SHELF.purl: names}
    server.advisories = {name: osv_record(name, "shelf", aliases=[]) for name in names}
    known = outside.advisories([SHELF])
    assert (len(known.found), known.not_read) == (80, 10)


@pytest.mark.parametrize("answer", [{"results": []}, {"results": [{}, {}]}, [], "x", {"results": 7}])
def test_an_answer_that_does_not_fit_is_no_answer(
    outside: OutsideSources, server: OutsideServer, answer: object
) -> None:
    server.faults["/v1/querybatch"] = [as_json(answer)]
    with pytest.raises(SourceUnavailable, match="OSV could not be asked: its answer does not fit the question"):
        outside.advisories([SHELF])


def test_hostile_ids_are_not_asked_for(outside: OutsideSources, server: OutsideServer) -> None:
    server.vulnerable = {SHELF.purl: ["../../admin", "a b", "", "x" * 200]}
    assert outside.advisories([SHELF]).found == ()
    assert server.asked == ["POST /v1/querybatch"]


VECTORS: list[tuple[dict[str, Any], float | None]] = [
    ({"severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}]}, 7.5),
    ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L"}]}, 5.3),
    (
        {"severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N"}]},
        8.7,
    ),
    ({"affected": [{"severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}]}]}, 7.5),
    ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/nonsense"}], "database_specific": {"severity": "HIGH"}}, 7.0),
    ({"database_specific": {"severity": "MODERATE"}}, 4.0),
    ({"affected": [{"ecosystem_specific": {"severity": "critical"}}]}, 9.0),
    ({"database_specific": {"severity": "dreadful"}}, None),
    ({}, None),
]


@pytest.mark.parametrize(("record", "score"), VECTORS)
def test_scores_are_those_of_cvss(record: dict[str, Any], score: float | None) -> None:
    assert score_of(record) == score


@given(st.text(max_size=80) | st.text(alphabet="CVSS:34.0/AVNLPRUI", max_size=80))
def test_any_vector_has_a_score_or_none(vector: str) -> None:
    score = score_of({"severity": [{"type": "CVSS_V3", "score": vector}]})
    assert score is None or 0.0 <= score <= 10.0
