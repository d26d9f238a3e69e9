"""What may show that a point of a task is met."""

import pytest

from agents.findings import MetPoint, ReviewReply
from agents.sign_off import Evidence, too_long, unmet
from tools.patch import ChangedFile, Diff

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


def test_change_that_is_cut_is_a_blocking_finding_about_its_longest_file() -> None:
    sizes = {"a.py": 10, "b.py": 500}
    files = tuple(
        ChangedFile(
            path=path, status="added", additions=size, deletions=0, old_mode="000000", new_mode="100644", binary=False
        )
        for path, size in sizes.items()
    )
    found = too_long(Diff(text="", truncated=True, files=files), 1_000)
    assert (found.path, found.blocks) == ("b.py", True)


def test_point_left_out_is_asked_for() -> None:
    reply = ReviewReply(summary="s", findings=[], earlier=[], done=[])
    assert "point 1" in unmet(reply, ["totals are right"], EVIDENCE)[0]
