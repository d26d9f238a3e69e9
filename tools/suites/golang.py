"""go test: the events of `go test -json`."""

import re
from collections import defaultdict

from pydantic import BaseModel, ConfigDict, ValidationError

from tools.junit import CASES, MESSAGE_CHARACTERS, CaseOutcome, TestCaseResult, result_of, unique
from tools.suites.capture import captured
from tools.suites.command import SuiteCommand
from tools.suites.runner import Armed, Evidence, Place, Reading, reading, report_problem

_ENDS: dict[str, CaseOutcome] = {"pass": "passed", "fail": "failed", "skip": "skipped"}
_GO_TEST = re.compile(r"\bgo\s+test\b")


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    Action: str
    Package: str = ""
    ImportPath: str = ""
    Test: str = ""
    Elapsed: float = 0.0
    Output: str = ""


def arm_go(command: SuiteCommand, place: Place) -> Armed:
    """Ask for events in a file; what the compiler of an older Go says still goes to the output."""
    return Armed(text=captured(_GO_TEST.sub("go test -json", command.text, count=1), place, errors=False))


class _Run:
    """What the events tell, gathered."""

    def __init__(self) -> None:
        self.cases: list[TestCaseResult] = []
        self.output: list[str] = []
        self.running: dict[tuple[str, str], None] = {}
        self.said: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self.failed: set[str] = set()
        """Packages with a test that failed."""

    def take(self, event: _Event) -> None:
        """Add one event."""
        key = (event.Package or event.ImportPath.partition(" ")[0], event.Test)
        if event.Output:
            self.output.append(event.Output)
            self.said[key].append(event.Output)
        elif event.Test and event.Action == "run":
            self.running[key] = None
        elif event.Test and event.Action in _ENDS:
            self.running.pop(key, None)
            self._end(key, _ENDS[event.Action], event.Elapsed)
        elif event.Package and event.Action == "fail":
            self._close(event.Package)

    def _end(self, key: tuple[str, str], outcome: CaseOutcome, seconds: float) -> None:
        message = "" if outcome == "passed" else "".join(self.said[key])
        self.failed |= {key[0]} if outcome == "failed" else set()
        self.cases.append(result_of(key[0], key[1], outcome, seconds, message))

    def _close(self, package: str) -> None:
        """End a package that failed: what still runs died with it, and a failure that no test has is its own."""
        for key in [key for key in self.running if key[0] == package]:
            del self.running[key]
            self.cases.append(result_of(package, key[1], "error", message="".join(self.said[key])))
            self.failed.add(package)
        if package not in self.failed:
            message = "".join(self.said[package, ""])[-MESSAGE_CHARACTERS:]
            self.cases.append(result_of("", package, "error", message=message))


def read_go(evidence: Evidence) -> Reading:
    """Read the events; a package that does not build or dies outside its tests is an `error` of its own name."""
    if problem := report_problem(evidence.report):
        return reading(evidence, (), problem)
    run = _Run()
    for line in (evidence.report or b"").splitlines():
        try:
            run.take(_Event.model_validate_json(line))
        except ValidationError:
            run.output.append(line.decode("utf-8", "replace") + "\n")
        if len(run.cases) > CASES:
            return Reading(problem=f"the events tell of more than {CASES} tests")
    output = "".join((*run.output, evidence.output))
    return reading(evidence, unique(run.cases), "no event of a test could be read", output)
