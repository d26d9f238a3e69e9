"""Reading JUnit XML that untrusted code may have written."""

import re
from collections.abc import Iterable
from math import isfinite
from typing import TYPE_CHECKING, Literal
from xml.sax.saxutils import escape, quoteattr  # nosec B406 - writing only

from tools.record import Record

if TYPE_CHECKING:
    from junitparser import TestCase, TestSuite

JUNIT_BYTES = 20 * 1024 * 1024
CASES = 50_000
MESSAGE_CHARACTERS = 2_000
NAME_CHARACTERS = 1_000
"""Longer ids are cut there."""
_DOCTYPE = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)

CaseOutcome = Literal["passed", "failed", "error", "skipped"]


class TestCaseResult(Record):
    """How one test ended."""

    __test__ = False  # not a test class of our own suite

    id: str
    """`file-or-class::name`; stable between runs."""
    outcome: CaseOutcome
    seconds: float = 0.0
    message: str = ""
    """Why it did not pass, cut short."""


class JUnitReport(Record):
    """A report as read."""

    state: Literal["read", "absent", "broken"]
    problem: str = ""
    """Why it could not be read."""
    cases: tuple[TestCaseResult, ...] = ()


def read_junit(data: bytes | None) -> JUnitReport:
    """Read a report; whatever is wrong with it is said in the result and never raised."""
    if data is None or not data.strip():
        return JUnitReport(state="absent", problem="the suite wrote no JUnit report")
    if len(data) > JUNIT_BYTES:
        return JUnitReport(state="broken", problem=f"the JUnit report has more than {JUNIT_BYTES} bytes")
    if _declares_entities(data):
        return JUnitReport(state="broken", problem="the JUnit report declares a document type, which none needs")
    return _parse(data)


def _declares_entities(data: bytes) -> bool:
    """Whether entities could be declared, by which few bytes become gigabytes; UTF-16 is refused too."""
    return _DOCTYPE.search(data) is not None or data[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in data[:200]


def _parse(data: bytes) -> JUnitReport:
    import xml.etree.ElementTree as ElementTree  # nosec B405 - document types are refused above

    from junitparser import JUnitXml, JUnitXmlError

    try:
        parsed = JUnitXml.fromstring(data)
        suites = [parsed] if parsed.__class__.__name__ == "TestSuite" else list(parsed)
        cases = [_case(case) for suite in suites for case in _cases_of(suite)]
    except (
        ElementTree.ParseError,
        JUnitXmlError,
        LookupError,
        ValueError,
        TypeError,
        RecursionError,
    ) as error:
        return JUnitReport(state="broken", problem=f"the JUnit report cannot be read: {error}"[:500])
    if len(cases) > CASES:
        return JUnitReport(state="broken", problem=f"the JUnit report has {len(cases)} cases, more than {CASES}")
    return JUnitReport(state="read", cases=unique(cases))


def _cases_of(suite: object) -> "list[TestCase]":
    """The cases of a suite and of those in it."""
    from junitparser import TestSuite

    if not isinstance(suite, TestSuite):
        return []
    inner = [case for nested in _nested(suite) for case in _cases_of(nested)]
    return [*suite, *inner]


def _nested(suite: "TestSuite") -> "list[TestSuite]":
    return list(suite.testsuites())  # type: ignore[no-untyped-call]  # junitparser does not annotate it


def _case(case: "TestCase") -> TestCaseResult:
    from junitparser import Error, Failure, Skipped

    outcome: CaseOutcome = "passed"
    message = ""
    for result in case.result:
        kinds: tuple[tuple[type, CaseOutcome], ...] = (
            (Error, "error"),
            (Failure, "failed"),
            (Skipped, "skipped"),
        )
        for kind, word in kinds:
            if isinstance(result, kind) and outcome in {"passed", "skipped"}:
                outcome = word
                message = "\n".join(part for part in (result.message, result.text) if part)
    return result_of(case.classname or "", case.name or "", outcome, float(case.time or 0.0), message)


def result_of(owner: str, name: str, outcome: CaseOutcome, seconds: float = 0.0, message: str = "") -> TestCaseResult:
    """A result under the id `owner::name`, in one line and of a bounded length."""
    name = _one_line(name) or "(no name)"
    owner = _one_line(owner)
    return TestCaseResult(
        id=(f"{owner}::{name}" if owner else name)[:NAME_CHARACTERS],
        outcome=outcome,
        seconds=seconds if isfinite(seconds) and seconds > 0 else 0.0,
        message=message.strip()[:MESSAGE_CHARACTERS],
    )


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def unique(cases: Iterable[TestCaseResult]) -> tuple[TestCaseResult, ...]:
    """One result for each id, the worst: pytest reports an error in teardown as a second case of the test."""
    rank: dict[CaseOutcome, int] = {"skipped": 0, "passed": 1, "failed": 2, "error": 3}
    worst: dict[str, TestCaseResult] = {}
    for case in cases:
        before = worst.get(case.id)
        if before is None or rank[case.outcome] > rank[before.outcome]:
            worst[case.id] = case
    return tuple(worst.values())


def write_junit(cases: Iterable[TestCaseResult]) -> str:
    """JUnit XML of results that a runner reported in another form."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<testsuites><testsuite>"]
    for case in cases:
        owner, _, name = case.id.rpartition("::")
        owner, name = (owner, name) if owner.strip() and name.strip() else ("", case.id)
        names = f"classname={quoteattr(_xml(owner))} name={quoteattr(_xml(name))}"
        element = {"failed": "failure", "error": "error", "skipped": "skipped"}.get(case.outcome)
        body = f"<{element}>{escape(_xml(case.message))}</{element}>" if element else ""
        lines.append(f'<testcase {names} time="{case.seconds:.3f}">{body}</testcase>')
    return "\n".join([*lines, "</testsuite></testsuites>"])


def _xml(text: str) -> str:
    """The text without characters that XML has no place for."""
    return "".join(c if c in "\t\n" or (c.isprintable() and c < "\ud800") or c > "\udfff" else "?" for c in text)
