"""What may show that a point of a task is met."""

import pytest

from agents.findings import MetPoint, OpenFindingVerdict, ReviewReply
from agents.sign_off import Evidence, by_function, joined_reply, too_long, unmet, unshown

DIFF = """diff --git a/shop.py b/shop.py
--- a/shop.py
+++ b/shop.py
@@ -1 +1,2 @@
 import math
+def total(prices): return math.fsum(prices)
"""
TESTS = ("tests/test_shop.py::test_total", "example.org/shop::TestTotal", "a.py::test_twice", "b.py::test_twice")
CASES = ("c.py::test_cases[1]", "c.py::test_cases[a[0]]", "c.py::test_once[x]")
EVIDENCE = Evidence(diff=DIFF, changed=frozenset({"shop.py"}), proven_by=TESTS + CASES, commands=("go vet ./...",))


def signed(point: str, quote: str) -> list[str]:
    reply = ReviewReply(summary="s", findings=[], earlier=[], done=[MetPoint(point=1, quote=quote)])
    return unmet(reply, [point], EVIDENCE)


@pytest.mark.parametrize(
    ("point", "quote"),
    [
        ("totals are right", "def total(prices): return math.fsum(prices)"),
        ("totals are right", "+def total(prices): return math.fsum(prices)"),
        ("totals are right", "tests/test_shop.py::test_total"),
        ("totals are right", "TestTotal"),
        ("totals are right", "`test_total`"),
        ("totals are right", "c.py::test_cases"),
        ("totals are right", "test_cases"),
        ("totals are right", "test_cases[1]"),
        ("`go vet ./...` passes", "`go vet ./...`"),
        ("go.mod is unchanged", "unchanged: go.mod"),
        ("`go.mod` and go.sum are unchanged", "unchanged: `go.sum`"),
    ],
)
def test_point_is_shown(point: str, quote: str) -> None:
    assert signed(point, quote) == []


@pytest.mark.parametrize(
    ("point", "quote"),
    [
        ("totals are right", "import math"),
        ("totals are right", "test_twice"),
        ("totals are right", ""),
        ("totals are right", "go vet ./..."),
        ("`go test ./...` passes", "go test ./..."),
        ("totals are right", "unchanged: go.mod"),
        ("shop.py is unchanged", "unchanged: shop.py"),
        ("go.mod is unchanged", "unchanged:"),
    ],
)
def test_point_is_not_shown(point: str, quote: str) -> None:
    assert len(signed(point, quote)) == 1


def test_cases_of_one_test_are_listed_as_one() -> None:
    assert by_function(TESTS + CASES) == (*TESTS, "c.py::test_cases", "c.py::test_once[x]")


def test_files_that_go_unread_are_one_blocking_finding_that_names_them() -> None:
    (found,) = too_long([f"f{number}.py" for number in range(30)])
    assert (found.path, found.blocks) == ("f0.py", True)
    assert "f19.py and 10 more" in found.failure
    assert too_long([]) == ()


def reply_on(point: int, *earlier: str, quote: str = "x") -> ReviewReply:
    verdicts = [OpenFindingVerdict(id=one, state="open", reason="r") for one in earlier]
    return ReviewReply(summary=f"s{point}", findings=[], earlier=verdicts, done=[MetPoint(point=point, quote=quote)])


def test_replies_on_parts_are_one_reply_on_the_whole() -> None:
    joined = joined_reply([reply_on(1, "R-1"), reply_on(2, "R-2"), reply_on(2, "R-2")])
    assert joined.summary == "Part 1: s1\nPart 2: s2\nPart 3: s2"
    assert [met.point for met in joined.done] == [1, 2]
    assert [verdict.id for verdict in joined.earlier] == ["R-1", "R-2"]


def test_a_point_that_no_part_shows_blocks() -> None:
    (found,) = unshown(reply_on(2), ["first", "second", "third"], "a.py")
    assert (found.blocks, found.path) == (True, "a.py")
    assert found.failure.endswith("first; third")
    assert unshown(joined_reply([reply_on(1), reply_on(2)]), ["first", "second"], "a.py") == ()


def test_what_a_part_gives_must_be_true_and_what_it_leaves_out_may_stand_in_others() -> None:
    points = ["totals are right", "more is right"]
    assert unmet(reply_on(1, quote="nothing of the change"), points, EVIDENCE, whole=False)
    left_out = ReviewReply(summary="s", findings=[], earlier=[], done=[])
    assert unmet(left_out, points, EVIDENCE, whole=False) == []
    assert len(unmet(left_out, points, EVIDENCE)) == 2


def test_point_left_out_is_asked_for() -> None:
    reply = ReviewReply(summary="s", findings=[], earlier=[], done=[])
    assert "point 1" in unmet(reply, ["totals are right"], EVIDENCE)[0]
