"""Tests that are named by their place in a document stay comparable when lines are added above them."""

from hypothesis import given
from hypothesis import strategies as st

from tools.junit import TestCaseResult
from tools.suite import SuiteReport, compare
from tools.suites.places import is_counted, without_places

OUTCOMES = st.sampled_from(["passed", "failed", "error", "skipped"])


def examples(shift: int, *outcomes: str) -> tuple[TestCaseResult, ...]:
    cases = [
        TestCaseResult.model_validate({"id": f"docs.usage.rst::line:{shift + 10 * n},column:1", "outcome": outcome})
        for n, outcome in enumerate(outcomes)
    ]
    return without_places([*cases, TestCaseResult(id="tests/test_line.py::test_line", outcome="passed")])


def report(cases: tuple[TestCaseResult, ...]) -> SuiteReport:
    failed = any(case.outcome == "failed" for case in cases)
    return SuiteReport(command="pytest", kind="pytest", state="completed", exit_code=int(failed), cases=cases)


def test_examples_that_moved_are_the_same() -> None:
    before = report(examples(5, "passed", "failed", "passed", "failed"))
    found = compare(before, report(examples(17, "passed", "passed", "failed", "passed", "failed")))
    assert (found.broken, found.removed, found.new_failing) == ((), (), ())
    assert len(found.still_failing) == 2
    assert found.proven == ()


def test_example_that_fails_now_is_seen() -> None:
    before = report(examples(5, "passed", "failed"))
    found = compare(before, report(examples(5, "failed", "failed")))
    assert found.new_failing == ("docs.usage.rst::line (failed 2)",)
    assert found.removed == ("docs.usage.rst::line (passed 1)",)


def test_message_keeps_the_place() -> None:
    (case, _) = examples(7, "failed")
    assert case.message == "docs.usage.rst::line:7,column:1"


@given(st.lists(st.tuples(st.text(max_size=20), OUTCOMES), max_size=8), st.lists(OUTCOMES, max_size=8))
def test_names_stay_unique_and_other_names_as_they_are(names: list[tuple[str, str]], outcomes: list[str]) -> None:
    plain = [TestCaseResult.model_validate({"id": f"t::{name}", "outcome": outcome}) for name, outcome in names]
    kept = without_places(plain)
    assert [case.id for case in kept if not is_counted(case.id)] == [
        case.id for case, now in zip(plain, kept, strict=True) if not is_counted(now.id)
    ]
    moved = [case.id for case in examples(3, *outcomes)]
    assert len(set(moved)) == len(moved)
