"""Running a repository's tests in a work tree, and comparing two runs.

A model's word is never evidence: what counts is the JUnit report of a run in a clean environment, with the
base's test files put back first.
"""

import secrets
import shlex
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from tools.environments import WorkTree
from tools.junit import CaseOutcome, TestCaseResult, read_junit
from tools.mirror import Mirror
from tools.observation import cut_middle
from tools.record import Record
from tools.suite_command import SuiteCommand, SuiteKind, command_of, detect_suite
from tools.testpaths import is_test_path, matches

__all__ = [
    "SuiteCommand",
    "SuiteComparison",
    "SuiteReport",
    "TestCaseResult",
    "command_of",
    "compare",
    "detect_suite",
    "is_test_path",
    "restore_base_tests",
    "run_suite",
    "tests_only_tree",
]

TAIL_CHARACTERS = 20_000
_NO_TESTS_COLLECTED = 5  # pytest's exit status, and unittest's from Python 3.12 on
_RUNNER = Path(__file__).parent / "inside" / "unittest_junit.py"


class SuiteReport(Record):
    """One run of a suite."""

    command: str
    """As people write it; empty when there was nothing to run."""
    kind: SuiteKind
    state: Literal["completed", "timed_out", "broken", "absent"]
    """`broken`: it ended without a usable report; `absent`: there is no suite."""
    exit_code: int | None
    cases: tuple[TestCaseResult, ...] = ()
    problem: str = ""
    """What was wrong with the report, for `broken`."""
    tail: str = ""
    """The output, its middle cut out when it is long."""
    seconds: float = 0.0
    junit: str = ""
    """The JUnit XML as it was written."""

    @classmethod
    def without_suite(cls) -> "SuiteReport":
        """The report where there is nothing to run."""
        return cls(command="", kind="command", state="absent", exit_code=None)

    @cached_property
    def by_id(self) -> dict[str, CaseOutcome]:
        """What became of each test."""
        return {case.id: case.outcome for case in self.cases}

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return self._count("passed")

    @property
    def failed(self) -> int:
        """How many tests failed."""
        return self._count("failed")

    @property
    def errors(self) -> int:
        """How many tests could not be run."""
        return self._count("error")

    @property
    def skipped(self) -> int:
        """How many tests were skipped."""
        return self._count("skipped")

    @property
    def failing(self) -> tuple[str, ...]:
        """Ids of the tests that failed or could not be run."""
        return tuple(case.id for case in self.cases if case.outcome in {"failed", "error"})

    @property
    def completed(self) -> bool:
        """Whether it ran to its end; an empty suite does, an absent one does not."""
        return self.state == "completed"

    @property
    def timed_out(self) -> bool:
        """Whether it was stopped at its time limit."""
        return self.state == "timed_out"

    @property
    def empty(self) -> bool:
        """Whether there is no test."""
        return self.state == "absent" or (self.completed and not self.cases)

    @property
    def green(self) -> bool:
        """Whether it ran to its end, nothing failed and something passed."""
        return self.completed and self.exit_code == 0 and not self.failing and self.passed > 0

    @property
    def verdict(self) -> str:
        """One line without times; the same for the same result."""
        if self.state == "absent":
            return "tests: there is no suite"
        if self.state == "timed_out":
            return "tests: timed out"
        if self.state == "broken":
            return f"tests: did not run to their end, exit status {self.exit_code}"
        if not self.cases:
            return "tests: none found"
        if self.kind == "command":
            return "tests: passed" if self.green else f"tests: failed, exit status {self.exit_code}"
        return "tests: " + ", ".join(self._words())

    def _words(self) -> list[str]:
        words = [f"{self.passed} passed"]
        error = "error" if self.errors == 1 else "errors"
        counts = (("failed", self.failed), (error, self.errors), ("skipped", self.skipped))
        words += [f"{count} {word}" for word, count in counts if count]
        if self.exit_code != 0 and not self.failing:
            words.append(f"exit status {self.exit_code}")
        return words

    def _count(self, outcome: CaseOutcome) -> int:
        return sum(case.outcome == outcome for case in self.cases)


def run_suite(worktree: WorkTree, command: SuiteCommand, seconds: float) -> SuiteReport:
    """Run the tests in a work tree; whatever they do is told in the report.

    Raises WorkTreeLost, and ToolError when the clone's `.git` is no folder any more.
    """
    report = f".git/roadcrew-junit-{secrets.token_hex(8)}.xml"
    text = command.text
    if command.kind == "pytest":
        # one module that cannot be imported must not hide what became of the others
        text = f"{text} --junitxml={report} --continue-on-collection-errors"
    elif command.kind == "unittest":
        text = _with_report(worktree, text, report)
    result = worktree.exec(text, seconds=seconds)
    data = None if command.kind == "command" else worktree.take_private(report)
    found = SuiteReport(
        command=command.text,
        kind=command.kind,
        state="completed",
        exit_code=result.exit_code,
        tail=cut_middle(result.output, TAIL_CHARACTERS),
        seconds=result.seconds,
        junit=(data or b"").decode("utf-8", "replace"),
    )
    if result.timed_out:
        return found.model_copy(update={"state": "timed_out"})
    return _judged(found, data)


def _judged(found: SuiteReport, data: bytes | None) -> SuiteReport:
    if found.kind == "command":
        outcome: CaseOutcome = "passed" if found.exit_code == 0 else "failed"
        return found.model_copy(update={"cases": (TestCaseResult(id=found.command, outcome=outcome),)})
    read = read_junit(data)
    if read.state == "read" and (read.cases or found.exit_code in {0, _NO_TESTS_COLLECTED}):
        return found.model_copy(update={"cases": read.cases})
    problem = read.problem or "the report names no test"
    return found.model_copy(update={"state": "broken", "problem": problem})


def _with_report(worktree: WorkTree, text: str, report: str) -> str:
    """The unittest command with our runner in place of `-m unittest`."""
    runner = ".git/roadcrew-unittest.py"
    worktree.put_private(runner, _RUNNER.read_bytes())
    before, _, after = text.partition("unittest")
    before = before.strip().removesuffix("-m").strip() or "python"
    return f"{before} {shlex.quote(runner)} {shlex.quote(report)} {after.strip()}"


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
        proven=tuple(name for name in passing_now if _fails(base, name)),
    )


def _fails(run: SuiteReport, name: str) -> bool:
    """Whether a run shows that a test fails there: it failed, or the run failed before it came to it."""
    outcome = run.by_id.get(name)
    if outcome is not None:
        return outcome in {"failed", "error"}
    return run.state in {"completed", "broken"} and run.exit_code not in {0, _NO_TESTS_COLLECTED, None}


def restore_base_tests(
    worktree: WorkTree, mirror: Mirror, base: str, may_change: Sequence[str] = ()
) -> tuple[str, ...]:
    """Put the base's test files back, except those that may change; returns the paths that were put back.

    Test files that the base does not have stay. Raises WorkTreeLost.
    """
    commit = worktree.snapshot().commit
    restored = base_tests_tree(mirror, base, commit, may_change)
    paths = tuple(file.path for file in mirror.changed_files(commit, restored))
    if paths:
        worktree.restore(restored)
    return paths


def base_tests_tree(mirror: Mirror, base: str, commit: str, may_change: Sequence[str] = ()) -> str:
    """The tree of `commit` with the base's test files as the base has them, except those that may change."""
    there = {entry.path for entry in mirror.files(base)}
    wanted = there & _differing_tests(mirror, base, commit)
    return mirror.graft(commit, base, [path for path in wanted if not matches(path, may_change)])


def tests_only_tree(mirror: Mirror, base: str, commit: str) -> str | None:
    """A commit on the base with only the change's test files; None when the change has none.

    Tests that fail there and pass at `commit` are proof of the change.
    """
    paths = _differing_tests(mirror, base, commit)
    if not paths:
        return None
    tree = mirror.graft(base, commit, sorted(paths))
    return mirror.commit_tree(tree, [base], "Only the tests of a change", at=mirror.commit(base).committed_at)


def _differing_tests(mirror: Mirror, base: str, commit: str) -> set[str]:
    return {file.path for file in mirror.changed_files(base, commit) if is_test_path(file.path)}
