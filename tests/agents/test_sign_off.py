"""What may show that a point of a task is met."""

import pytest

from agents.findings import MetPoint, ReviewReply
from agents.sign_off import Evidence, unmet

DIFF = """diff --git a/shop.py b/shop.py
--- a/shop.py
+++ b/shop.py
@@ -1 +1,2 @@
 import math
+def total(prices): return math.fsum(prices)
"""
TESTS = ("tests/test_shop.py::test_total", "example.org/shop::TestTotal", "a.py::test_twice", "b.py::test_twice")
EVIDENCE = Evidence(diff=DIFF, changed=frozenset({"shop.py"}), proven_by=TESTS, commands=("go vet ./...",))


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


def test_point_left_out_is_asked_for() -> None:
    reply = ReviewReply(summary="s", findings=[], earlier=[], done=[])
    assert "point 1" in unmet(reply, ["totals are right"], EVIDENCE)[0]
