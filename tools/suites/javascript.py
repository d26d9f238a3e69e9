"""node --test, vitest, jest and mocha: each leaves a report in a form of its own."""

import json
import shlex
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.junit import CASES, CaseOutcome, read_junit, result_of, unique
from tools.suites.command import SuiteCommand
from tools.suites.runner import Armed, Evidence, Place, Reading, reading, report_problem

_REPORTER = Path(__file__).parent.parent / "inside" / "node_reporter.mjs"
_ENV = {"CI": "1"}
"""Keeps runners from watching files."""

T = TypeVar("T", bound=BaseModel)


class _Loose(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def arm_node(command: SuiteCommand, place: Place) -> Armed:
    """Add a reporter of ours by NODE_OPTIONS, which reaches node through any script."""
    name = f"{place.private}-node.mjs"
    options = [
        f'--test-reporter="{place.root}/{name}"',
        f'--test-reporter-destination="{place.report}"',
        "--test-reporter=spec",
        "--test-reporter-destination=stdout",
    ]
    return Armed(
        text=command.text,
        env={**_ENV, "NODE_OPTIONS": " ".join(options)},
        programs={name: _REPORTER.read_bytes()},
    )


class _NodeEvent(_Loose):
    names: list[str] = Field(min_length=1)
    file: str | None = None
    outcome: CaseOutcome
    seconds: float = 0.0
    message: str = ""


def read_node(evidence: Evidence) -> Reading:
    """Read the lines of our reporter: one JSON object for each test."""
    if problem := report_problem(evidence.report):
        return reading(evidence, (), problem)
    cases = []
    for line in (evidence.report or b"").splitlines()[: CASES + 1]:
        try:
            event = _NodeEvent.model_validate_json(line)
        except ValidationError:
            return Reading(problem=f"the reporter's line {line[:100]!r} cannot be read")
        path = evidence.relative(event.file or "")
        names = [evidence.relative(name) for name in event.names]
        if names == [path]:  # a file that could not be run stands for itself
            path = ""
        cases.append(result_of(path, " > ".join(names), event.outcome, event.seconds, event.message))
    return reading(evidence, unique(cases))


def arm_vitest(command: SuiteCommand, place: Place) -> Armed:
    """Ask for JUnit XML beside what people read."""
    report = shlex.quote(f"--outputFile.junit={place.report}")
    return _with_options(command, f"--passWithNoTests --reporter=default --reporter=junit {report}")


def read_vitest(evidence: Evidence) -> Reading:
    """Read vitest's JUnit XML, whose class names are paths."""
    read = read_junit(evidence.report)
    return reading(evidence, read.cases, read.problem).model_copy(update={"junit": evidence.report})


def arm_jest(command: SuiteCommand, place: Place) -> Armed:
    """Ask for jest's JSON beside what people read."""
    return _with_options(command, f"--passWithNoTests --json --outputFile={shlex.quote(place.report)}")


class _JestTest(_Loose):
    fullName: str  # noqa: N815 - jest's name
    status: str
    duration: float | None = None
    failureMessages: list[str] = []  # noqa: N815 - jest's name


class _JestFile(_Loose):
    name: str
    status: str = ""
    message: str = ""
    assertionResults: list[_JestTest] = []  # noqa: N815 - jest's name


class _JestReport(_Loose):
    testResults: list[_JestFile]  # noqa: N815 - jest's name


_JEST: dict[str, CaseOutcome] = {"passed": "passed", "failed": "failed"}


def read_jest(evidence: Evidence) -> Reading:
    """Read jest's JSON; a file that could not be run is a case of its own."""
    report = _parsed(_JestReport, evidence)
    if isinstance(report, str):
        return reading(evidence, (), report)
    cases = []
    for file in report.testResults:
        path = evidence.relative(file.name)
        if file.status == "failed" and not any(test.status == "failed" for test in file.assertionResults):
            cases.append(result_of("", path, "error", message=file.message))
        for test in file.assertionResults:
            message = "\n".join(test.failureMessages)
            outcome = _JEST.get(test.status, "skipped")
            cases.append(result_of(path, test.fullName, outcome, (test.duration or 0.0) / 1000, message))
    return reading(evidence, unique(cases))


def arm_mocha(command: SuiteCommand, place: Place) -> Armed:
    """Ask for mocha's JSON, which takes the place of what people read."""
    return _with_options(command, f"--reporter json --reporter-option {shlex.quote(f'output={place.report}')}")


class _MochaError(_Loose):
    message: str = ""
    stack: str = ""


class _MochaTest(_Loose):
    fullTitle: str  # noqa: N815 - mocha's name
    file: str | None = None
    duration: float | None = None
    err: _MochaError = _MochaError()


class _MochaReport(_Loose):
    passes: list[_MochaTest]
    failures: list[_MochaTest]
    pending: list[_MochaTest] = []


def read_mocha(evidence: Evidence) -> Reading:
    """Read mocha's JSON, and say in words what failed."""
    report = _parsed(_MochaReport, evidence)
    if isinstance(report, str):
        return reading(evidence, (), report)
    groups: tuple[tuple[CaseOutcome, list[_MochaTest]], ...] = (
        ("passed", report.passes),
        ("failed", report.failures),
        ("skipped", report.pending),
    )
    cases = unique(
        [
            result_of(
                evidence.relative(test.file or ""),
                test.fullTitle,
                outcome,
                (test.duration or 0.0) / 1000,
                test.err.stack or test.err.message,
            )
            for outcome, tests in groups
            for test in tests
        ]
    )
    failed = [f"{case.id}\n{case.message}" for case in cases if case.outcome == "failed"]
    counts = ", ".join(f"{len(tests)} {outcome}" for outcome, tests in groups)
    return reading(evidence, cases, output="\n\n".join(part for part in (evidence.output, *failed, counts) if part))


def _with_options(command: SuiteCommand, options: str) -> Armed:
    return Armed(text=" ".join(part for part in (command.text, command.through, options) if part), env=_ENV)


def _parsed(form: type[T], evidence: Evidence) -> T | str:
    """The report, or what is wrong with it."""
    if problem := report_problem(evidence.report):
        return problem
    try:
        return form.model_validate(json.loads(evidence.report or b""))
    except (ValidationError, ValueError, RecursionError) as error:
        return f"the report cannot be read: {str(error).splitlines()[0]}"[:500]
