"""What one run of a suite showed."""

from functools import cached_property
from typing import Literal

from tools.junit import CaseOutcome, TestCaseResult
from tools.record import Record
from tools.suites.command import SuiteKind

SuiteState = Literal["completed", "timed_out", "broken", "absent"]


class SuiteReport(Record):
    """One run of a suite."""

    command: str
    """As people write it; empty when there was nothing to run."""
    kind: SuiteKind
    state: SuiteState
    """`broken`: it ended without a usable report; `absent`: there is no suite."""
    exit_code: int | None
    cases: tuple[TestCaseResult, ...] = ()
    problem: str = ""
    """What was wrong with the report, for `broken`."""
    tail: str = ""
    """The output, its middle cut out when it is long."""
    seconds: float = 0.0
    junit: str = ""
    """The results as JUnit XML: as the runner wrote it, or made of what it wrote."""

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
