"""Maven and Gradle: the JUnit XML files that both leave below their build folders."""

import re

from tools.junit import CASES, TestCaseResult, read_junit, unique
from tools.suites.command import SuiteCommand
from tools.suites.runner import REPORT_BYTES, Armed, Evidence, Place, Reading, reading

_MAVEN = re.compile(r"(^|[\s/])(mvnw?)(?=\s)")
_GRADLE = re.compile(r"(^|[\s/])(gradlew?)(?=\s)")
_ERROR = re.compile(r"^(?:\[ERROR\]|FAILURE:|error:|e:|\* What went wrong:).*\S.*", re.MULTILINE)

_SOURCE = re.compile(r"\.(java|kt|scala|groovy)\b")


def arm_maven(command: SuiteCommand, _: Place) -> Armed:
    """Stay offline, without colours, and go on to the other modules when one fails."""
    text = _MAVEN.sub(lambda match: f"{match[0]} -o -B -fae", command.text, count=1)
    return Armed(text=text, folders="*/target/surefire-reports")


def arm_gradle(command: SuiteCommand, _: Place) -> Armed:
    """Stay offline, without a daemon that outlives the run, and go on to the other projects when one fails."""
    options = "--offline --no-daemon --console=plain --continue"
    return Armed(
        text=_GRADLE.sub(lambda match: f"{match[0]} {options}", command.text, count=1),
        folders="*/build/test-results",
    )


def read_reports(evidence: Evidence) -> Reading:
    """Read all reports; one that cannot be read makes the run unusable, for it may hide a failure."""
    if sum(map(len, evidence.files.values())) > REPORT_BYTES:
        return Reading(problem=f"the reports have more than {REPORT_BYTES} bytes together")
    cases: list[TestCaseResult] = []
    for path, data in sorted(evidence.files.items()):
        read = read_junit(data)
        if read.state != "read":
            return Reading(problem=f"{path}: {read.problem}")
        cases += read.cases
    if len(cases) > CASES:
        return Reading(problem=f"the reports tell of more than {CASES} tests")
    errors = [match[0] for match in _ERROR.finditer(evidence.output)]
    telling = next((line for line in errors if _SOURCE.search(line)), errors[0] if errors else "")
    return reading(evidence, unique(cases), telling[:500] or "the build left no report")
