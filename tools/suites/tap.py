"""The Test Anything Protocol, as ava, node-tap and tape write it."""

import re

from tools.junit import CASES, MESSAGE_CHARACTERS, CaseOutcome, TestCaseResult, result_of, unique
from tools.suites.capture import captured
from tools.suites.command import SuiteCommand
from tools.suites.runner import Armed, Evidence, Place, Reading, reading, report_problem

_POINT = re.compile(r"(?P<indent> *)(?P<no>not )?ok\b(?: (?P<number>\d+))?(?: -)? ?(?P<rest>.*)")
_DIRECTIVE = re.compile(r"(?P<name>.*?)\s*(?<!\\)#\s*(?P<word>SKIP|TODO)\b.*", re.IGNORECASE)
_TIME = re.compile(r"\s*# time=.*")
_PLAN = re.compile(r"1\.\.(\d+)\b.*")
_HEADING = re.compile(r"# (?:Subtest: )?(?P<name>.+)")
_NOT_HEADINGS = re.compile(r"# (?:tests|pass|fail|ok|skip|todo|time|suites|cancelled|duration_ms|failed)\b.*")
_OPTIONS = {"ava": "--tap", "tap": "--reporter=tap"}


def arm_tap(command: SuiteCommand, place: Place) -> Armed:
    """Ask for TAP where the runner does not write it anyway, and keep the output."""
    option = _OPTIONS.get(command.program, "")
    text = " ".join(part for part in (command.text, command.through, option) if part) if option else command.text
    return Armed(text=captured(text, place, errors=False), env={"CI": "1"})


class _Lines:
    """Takes TAP line by line; what is indented belongs to the test point that follows it."""

    def __init__(self) -> None:
        self.cases: list[TestCaseResult] = []
        self.plan: int | None = None
        self.points = 0
        self.bail = ""
        self._headings: dict[int, str] = {}
        """By how far they are indented."""
        self._notes: list[str] | None = None
        self._last: tuple[str, str, CaseOutcome] | None = None

    def take(self, line: str) -> None:
        """Add a line."""
        bare = line.strip()
        if self._notes is not None:
            self._note(bare)
        elif bare == "---":
            self._notes = []
        elif point := _POINT.fullmatch(line):
            self._end()
            self._point(point)
        elif plan := _PLAN.fullmatch(line):
            self.plan = int(plan[1])
        elif line.startswith("Bail out!"):
            self.bail = line
        elif (heading := _HEADING.fullmatch(bare)) and not _NOT_HEADINGS.fullmatch(bare):
            self._end()
            indent = len(line) - len(line.lstrip())
            self._headings = {at: name for at, name in self._headings.items() if at < indent}
            self._headings[indent] = heading["name"]

    def finish(self) -> tuple[TestCaseResult, ...]:
        """All results; a plan that was not kept is an error of its own."""
        self._end()
        if self.bail:
            self.cases.append(result_of("", "(bail out)", "error", message=self.bail))
        if self.plan is not None and self.plan != self.points:
            message = f"{self.points} of {self.plan} tests were run"
            self.cases.append(result_of("", "(plan)", "error", message=message))
        return unique(self.cases)

    def _point(self, point: re.Match[str]) -> None:
        indent = len(point["indent"])
        self.points += not indent
        rest = _TIME.sub("", point["rest"])
        directive = _DIRECTIVE.fullmatch(rest)
        name = (directive["name"] if directive else rest).strip(" {") or f"#{point['number']}"
        outcome: CaseOutcome = "skipped" if directive else "failed" if point["no"] else "passed"
        self._headings = {at: heading for at, heading in self._headings.items() if at <= indent}
        if self._headings.get(indent) == name:  # the point that ends its subtest
            del self._headings[indent]
        self._last = (" > ".join(self._headings.values()), name, outcome)

    def _note(self, bare: str) -> None:
        if bare == "..." or self._notes is None:
            self._end()
        elif sum(map(len, self._notes)) < MESSAGE_CHARACTERS:
            self._notes.append(bare)

    def _end(self) -> None:
        """Keep the last test point with the notes that followed it."""
        if self._last is not None:
            owner, name, outcome = self._last
            notes = "\n".join(self._notes or ()) if outcome == "failed" else ""
            self.cases.append(result_of(owner, name, outcome, message=notes))
        self._last = self._notes = None


def read_tap(evidence: Evidence) -> Reading:
    """Read TAP."""
    if problem := report_problem(evidence.report):
        return reading(evidence, (), problem)
    text = (evidence.report or b"").decode("utf-8", "replace")
    lines = _Lines()
    for line in text.splitlines():
        lines.take(line)
        if len(lines.cases) > CASES:
            return Reading(problem=f"the output tells of more than {CASES} tests")
    return reading(evidence, lines.finish(), output=text + evidence.output)
