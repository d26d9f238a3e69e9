"""cargo test: the plain output of libtest, binary by binary."""

import re
from collections import Counter

from tools.junit import CASES, MESSAGE_CHARACTERS, CaseOutcome, TestCaseResult, result_of, unique
from tools.suites.capture import captured
from tools.suites.command import SuiteCommand
from tools.suites.runner import Armed, Evidence, Place, Reading, reading, report_problem

_CARGO_TEST = re.compile(r"\bcargo\s+(\+\S+\s+)?(test|t)\b")
_BINARY = re.compile(r"\s*Running (?:unittests )?(\S+) \((.+?)\)\s*")
_HASH = re.compile(r"-[0-9a-f]{8,}(\.exe)?$")
_DOC_TESTS = re.compile(r"\s*Doc-tests (\S+)\s*")
_BEGIN = re.compile(r"running (\d+) tests?")
_CASE = re.compile(r"test (.+?)(?: - (?:should panic|compile fail|compile))* \.\.\. .*?(ok|FAILED|ignored)(?:, .*)?")
_GLUED = re.compile(r".*test (\S+) \.\.\. (ok|FAILED|ignored)")
"""A result after what a program that a test started left without an end of line."""
_UNCAPTURED = re.compile(r"\s--(no-?capture|test-threads(=|\s+)1)\b")
_LINE = re.compile(r" \(line \d+\)")
_SECTION = re.compile(r"---- (.+) stdout ----")
_RESULT = re.compile(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
_COMPILER = re.compile(r"^error(\[E\d+\])?: .*", re.MULTILINE)
_OUTCOMES: dict[str, CaseOutcome] = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}


def arm_cargo(command: SuiteCommand, place: Place) -> Armed:
    """Run every binary though one fails, without colours, and keep the output, in which cargo names the binaries."""
    text = _CARGO_TEST.sub(lambda match: f"{match[0]} --no-fail-fast --color never", command.text, count=1)
    text = _UNCAPTURED.sub("", text)  # what tests print would stand in the lines of the results
    return Armed(text=captured(text, place, errors=True), env={"CARGO_TERM_COLOR": "never"})


class _Binary:
    """The tests of one binary."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.wanted = 0
        self.outcomes: list[tuple[str, CaseOutcome]] = []
        self.messages: dict[str, list[str]] = {}
        self.counted: tuple[int, ...] | None = None

    def cases(self) -> list[TestCaseResult]:
        """A result for each test, and one for the binary when it did not come to its end or does not add up."""
        found = [
            result_of(self.name, name, outcome, message="\n".join(self.messages.get(name, ())))
            for name, outcome in self.outcomes
        ]
        kinds = Counter(outcome for _, outcome in self.outcomes)
        told = (kinds["passed"], kinds["failed"], kinds["skipped"])
        if self.counted is None and self.wanted:
            message = f"it ended after {len(self.outcomes)} of {self.wanted} tests"
            found.append(result_of("", self.name, "error", message=message))
        elif self.counted is not None and self.counted != told:
            message = f"passed, failed, ignored: its lines say {told}, its summary says {self.counted}"
            found.append(result_of("", self.name, "error", message=message))
        return found


class _Output:
    """Takes cargo's output line by line."""

    def __init__(self) -> None:
        self.binaries = [_Binary("tests")]
        self._section: list[str] | None = None

    def take(self, line: str) -> None:
        """Add a line."""
        binary = self.binaries[-1]
        if named := _name_of_binary(line):
            self._section = None
            self.binaries.append(_Binary(named))
        elif begin := _BEGIN.fullmatch(line):
            binary.wanted = int(begin[1])
        elif result := _RESULT.match(line):
            self._section = None
            binary.counted = tuple(int(number) for number in result.groups())
        elif section := _SECTION.fullmatch(line):
            self._section = binary.messages.setdefault(_name_of_test(section[1], binary), [])
        elif line == "failures:":
            self._section = None
        elif self._section is not None:
            if sum(map(len, self._section)) < MESSAGE_CHARACTERS:
                self._section.append(line)
        elif case := _CASE.fullmatch(line) or _GLUED.fullmatch(line):
            binary.outcomes.append((_name_of_test(case[1], binary), _OUTCOMES[case[2]]))


def read_cargo(evidence: Evidence) -> Reading:
    """Read the output; a binary that died or whose lines do not add up is an `error` of its own name."""
    if problem := report_problem(evidence.report):
        return reading(evidence, (), problem)
    text = (evidence.report or b"").decode("utf-8", "replace")
    output = _Output()
    for line in text.splitlines():
        output.take(line)
    cases = [case for binary in output.binaries for case in binary.cases()]
    if len(cases) > CASES:
        return Reading(problem=f"the output tells of more than {CASES} tests")
    compiler = _COMPILER.search(text)
    return reading(evidence, unique(cases), compiler[0] if compiler else "", text + evidence.output)


def _name_of_binary(line: str) -> str | None:
    """`crate:src/lib.rs` of the line in which cargo says what it runs."""
    if found := _BINARY.fullmatch(line):
        program = _HASH.sub("", found[2].replace("\\", "/").rpartition("/")[2])
        return f"{program}:{found[1]}"
    doc = _DOC_TESTS.fullmatch(line)
    return f"{doc[1]}:doc" if doc else None


def _name_of_test(name: str, binary: _Binary) -> str:
    """The test's name; documentation tests are named without their line, which any edit above would change."""
    return _LINE.sub("", name) if binary.name.endswith(":doc") else name
