"""Comparing two runs of a suite, by the ids of the tests."""

from tools.record import Record
from tools.suites.places import is_counted
from tools.suites.report import SuiteReport

NO_TESTS_COLLECTED = 5
"""Exit status of pytest, and of unittest from Python 3.12 on, that says no test was found."""
COMPILED = frozenset({"go", "cargo", "maven", "gradle"})
"""Kinds in which one test that does not compile keeps all tests of its package from running."""


class SuiteComparison(Record):
    """What changed between two runs, by the ids of the tests."""

    fixed: tuple[str, ...]
    """Did not pass before, pass now."""
    broken: tuple[str, ...]
    """Passed before, fail now."""
    still_failing: tuple[str, ...]
    new_passing: tuple[str, ...]
    """Were not there before and pass."""
    new_failing: tuple[str, ...]
    removed: tuple[str, ...]
    """Passed before and are not there, or skipped, now."""
    proven: tuple[str, ...]
    """Pass now and did not before, where the first run is one that should fail: see `tests_only_tree`."""

    @property
    def verdict(self) -> str:
        """One line without times."""
        names = ("fixed", "broken", "still_failing", "new_passing", "new_failing", "removed")
        counts = [(name.replace("_", " "), len(getattr(self, name))) for name in names]
        return "compared: " + (", ".join(f"{count} {name}" for name, count in counts if count) or "no difference")


def compare(base: SuiteReport, now: SuiteReport) -> SuiteComparison:
    """Compare two runs of a suite."""
    before, after = base.by_id, now.by_id
    failing = {"failed", "error"}
    passing_now = [name for name, outcome in after.items() if outcome == "passed"]
    failing_now = [name for name, outcome in after.items() if outcome in failing]
    return SuiteComparison(
        fixed=tuple(name for name in passing_now if before.get(name) in failing),
        broken=tuple(name for name in failing_now if before.get(name) == "passed"),
        still_failing=tuple(name for name in failing_now if before.get(name) in failing),
        new_passing=tuple(name for name in passing_now if name not in before),
        new_failing=tuple(name for name in failing_now if before.get(name, "skipped") == "skipped"),
        removed=tuple(
            name for name, outcome in before.items() if outcome == "passed" and after.get(name, "skipped") == "skipped"
        ),
        proven=tuple(name for name in passing_now if _fails(base, name) and not is_counted(name)),
    )


def _fails(run: SuiteReport, name: str) -> bool:
    """Whether a run shows that a test fails there: it failed, or the run failed before it came to it."""
    outcome = run.by_id.get(name)
    if outcome is not None:
        return outcome in {"failed", "error"}
    return run.state in {"completed", "broken"} and run.exit_code not in {0, NO_TESTS_COLLECTED, None}


def proven_tests(base: SuiteReport, without: SuiteReport, now: SuiteReport) -> tuple[str, ...]:
    """Tests that pass now and fail in `without`, the run of the base with only the change's tests in it.

    A test that `without` never came to counts as failing there. Where code is compiled, one new test that does not
    compile takes its whole package with it, so there such a test counts only if it did not pass on the base. In Rust
    tests stand inside the source, and those of a new source file cannot be had without it: one that is in neither
    run counts too.
    """
    found = compare(without, now).proven
    if now.kind not in COMPILED:
        return found
    unseen = [name for name, outcome in now.by_id.items() if outcome == "passed" and name not in without.by_id]
    candidates = dict.fromkeys((*found, *unseen)) if now.kind == "cargo" else found
    passed = {name for name, outcome in base.by_id.items() if outcome == "passed"}
    return tuple(name for name in candidates if name in without.by_id or name not in passed)
