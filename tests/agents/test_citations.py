"""The citations of a report: each claim has one, and what it cites is there."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.citations import Evidence, cited_sources, claims_of, faults_of, without
from tools.research.source import Source

READ = Source(
    id="S1", kind="page", title="A", address="https://a.example.org/x", read_at=datetime(2026, 1, 2, tzinfo=UTC)
)
FOUND = Source(id="S2", kind="page", title="B", address="https://b.example.org/")
SOURCES = {"S1": READ, "S2": FOUND}
STRICT = Evidence(
    sources=SOURCES, commands=("python -c 'import shelf; print(shelf.__version__)'", "ls", "go vet"), strict=True
)
LOOSE = STRICT.model_copy(update={"strict": False})
LINES = {"shelf/books.py": 10, "empty.py": 0, "Makefile": 3}.get


def words(claim: str, evidence: Evidence = STRICT) -> str:
    return "; ".join(fault.words for fault in faults_of(f"## Findings\n\n- {claim}\n", evidence, LINES))


@pytest.mark.parametrize(
    "claim",
    [
        "Books are frozen (shelf/books.py:3).",
        "Books are frozen (`shelf/books.py:3-10`).",
        "Built by `Makefile:1`.",
        "It is kept [S1].",
        "It is kept [S1, S1] and built (Makefile:3).",
        "The version is 2, as `python -c 'import shelf; print(shelf.__version__)'` says.",
        "The version is 2 (`python -c 'import shelf…`).",
        "Of `a` and `x` the version is 2 (`python -c 'import shelf; print(shelf.__version__)'`).",
        "With `a`, ``x`` and `ls` it is clean, as `go vet` says.",
        "See https://a.example.org/x#part for it [S1].",
        "See https://c.example.org/ as [S1] says.",
        "It runs at 12:30 with a 4:3 picture, as [S1] says.",
    ],
)
def test_a_claim_with_a_citation_that_holds_passes(claim: str) -> None:
    assert words(claim) == ""


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("It is fast.", "it cites nothing"),
        ("It is fast (`ls`).", "it cites nothing"),
        ("It is `a` python -c 'import shelf `x` as it is.", "it cites nothing"),
        ("It is fast (`a`, `x`, `shelf`).", "it cites nothing"),
        ("It is fast (`elf; print(shelf`).", "it cites nothing"),
        ("It is fast, as `make very-fast` shows.", "it cites nothing"),
        ("See https://a.example.org/x#part for it.", "it cites nothing"),
        ("It is kept [S9].", "there is no source S9"),
        ("It is kept [S1, S2].", "S2 was found and not read: read_page it, or cite another"),
        ("Frozen (shelf/books.py:11).", "shelf/books.py has 10 lines, not 11"),
        ("Frozen (shelf/books.py:3-40).", "shelf/books.py has 10 lines, not 40"),
        ("Frozen (shelf/brooks.py:3).", "shelf/brooks.py is not in the repository"),
        ("See https://evil.example.org/x for it.", "https://evil.example.org/x was not read"),
    ],
)
def test_a_claim_that_does_not_hold_is_told_why(claim: str, expected: str) -> None:
    assert words(claim) == expected


def test_without_outside_sources_only_what_is_cited_is_checked() -> None:
    assert words("It is fast, see https://c.example.org/.", LOOSE) == ""
    assert words("It is kept [S9].", LOOSE) == "there is no source S9"
    assert words("Frozen (shelf/books.py:11).", LOOSE) == "shelf/books.py has 10 lines, not 11"


def test_an_installed_packages_file_is_not_looked_for_in_the_repository() -> None:
    assert words("So it is (/opt/venv/lib/site-packages/flask/app.py:3), says [S1].") == ""


REPORT = """# Research

The findings are these:

- It is frozen
  and stays so (shelf/books.py:3).
- It is fast.

```python
call("an example cites nothing")
```

## Pitfalls

None found.

## Not looked into

Whether it rains.
"""


def test_claims_are_bullets_and_paragraphs_that_introduce_nothing() -> None:
    told = [claim.text for claim in claims_of(REPORT)]
    assert told == ["- It is frozen\n  and stays so (shelf/books.py:3).", "- It is fast."]


def test_claims_that_do_not_hold_can_be_left_out() -> None:
    faults = faults_of(REPORT, STRICT, LINES)
    assert [(fault.claim.text, fault.words) for fault in faults] == [("- It is fast.", "it cites nothing")]
    kept = without(REPORT, faults)
    assert "It is fast" not in kept
    assert faults_of(kept, STRICT, LINES) == ()
    assert "an example cites nothing" in kept


def test_only_sources_that_were_read_and_cited_are_listed() -> None:
    assert cited_sources("a [S1] b [S2] c [S7]", SOURCES) == (READ,)
    assert cited_sources("nothing", SOURCES) == ()


@given(st.text(alphabet="ab \n-#`*:1S[].,/x", max_size=200))
def test_what_is_left_of_any_report_holds(report: str) -> None:
    kept = without(report, faults_of(report, STRICT, LINES))
    assert len(kept.splitlines()) <= len(report.splitlines())
    claims = claims_of(report)
    assert all(before.last < after.first for before, after in zip(claims, claims[1:], strict=False))
