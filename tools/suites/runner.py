"""What a family of runners offers, and what passes between it and a run."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tools.junit import TestCaseResult
from tools.record import Record
from tools.suites.command import SuiteCommand

REPORT_BYTES = 32 * 1024 * 1024
"""The longest report that is read."""


class Place(Record):
    """Where a run takes place, and where its report may lie."""

    root: str
    """The root of the work tree, as commands see it; an absolute path."""
    private: str
    """Begins the names of our files in the clone's `.git`; told to nobody before the run."""

    @property
    def report(self) -> str:
        """The report's absolute path."""
        return f"{self.root}/{self.private}.report"


class Armed(Record):
    """A command that leaves a report."""

    text: str
    env: Mapping[str, str] = {}
    programs: Mapping[str, bytes] = {}
    """Files of ours that it needs, by their paths relative to the root."""
    folders: str = ""
    """A pattern of folders, such as `*/target/surefire-reports`, in which it leaves its reports; emptied before."""


class Evidence(Record):
    """What a run left."""

    exit_code: int
    output: str
    report: bytes | None = None
    files: Mapping[str, bytes] = {}
    """The reports found in `folders`, by path."""
    root: str = "/work"
    p95_ms: int | None = None
    """The limit of a load test, if it has one."""

    def relative(self, path: str) -> str:
        """A path as it is in the repository."""
        return path.removeprefix("file://").removeprefix(f"{self.root}/").removeprefix("./")


class Reading(Record):
    """What a run shows."""

    cases: tuple[TestCaseResult, ...] = ()
    problem: str = ""
    """Why there is no usable result; empty when there is."""
    output: str | None = None
    """What people read in place of the output, when that was made for programs."""
    junit: bytes | None = None
    """The report, where it is JUnit as it stands."""


class Runner(NamedTuple):
    """One family."""

    arm: Callable[[SuiteCommand, Place], Armed]
    read: Callable[[Evidence], Reading]


def reading(
    evidence: Evidence, cases: tuple[TestCaseResult, ...], problem: str = "", output: str | None = None
) -> Reading:
    """A reading by the rule of most runners: without a case and with a failing exit status nothing was shown."""
    if cases or evidence.exit_code == 0:
        return Reading(cases=cases, output=output)
    return Reading(problem=problem or "the report names no test", output=output)


def report_problem(data: bytes | None) -> str:
    """Why a report cannot be used at all; empty when it can be tried."""
    if data is None or not data.strip():
        return "the suite wrote no report"
    return f"the report has more than {REPORT_BYTES} bytes" if len(data) > REPORT_BYTES else ""
