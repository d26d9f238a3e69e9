"""pytest and unittest: JUnit XML of their own, or of our runner."""

import re
import shlex
from pathlib import Path

from tools.junit import read_junit
from tools.suites.command import SuiteCommand
from tools.suites.places import without_places
from tools.suites.runner import Armed, Evidence, Place, Reading

_RUNNER = Path(__file__).parent.parent / "inside" / "unittest_junit.py"
_ABOUT_REPORT = re.compile(r"^-+ generated xml file: \S*/\.git/roadcrew-\S* -+\n?", re.MULTILINE)
"""What pytest says of the report that we had it write; its name differs from run to run."""
_NO_TESTS_COLLECTED = 5
"""pytest's exit status, and unittest's from Python 3.12 on."""


def arm_pytest(command: SuiteCommand, place: Place) -> Armed:
    """Ask for JUnit XML; one module that cannot be imported must not hide what became of the others."""
    options = f"--junitxml={shlex.quote(place.report)} --continue-on-collection-errors"
    return Armed(text=f"{command.text} {options}")


def arm_unittest(command: SuiteCommand, place: Place) -> Armed:
    """Put our runner in the place of `-m unittest`."""
    name = f"{place.private}-unittest.py"
    call = f"{shlex.quote(f'{place.root}/{name}')} {shlex.quote(place.report)}"
    text, found = re.subn(r"-m\s+unittest\b", lambda _: call, command.text, count=1)
    if not found:
        text = re.sub(r"(^|\s)unittest\b", lambda match: f"{match[1]}python {call}", command.text, count=1)
    return Armed(text=text, programs={name: _RUNNER.read_bytes()})


def read_python(evidence: Evidence) -> Reading:
    """Read JUnit XML as both leave it."""
    read, output = read_junit(evidence.report), _ABOUT_REPORT.sub("", evidence.output)
    if read.state == "read" and (read.cases or evidence.exit_code in {0, _NO_TESTS_COLLECTED}):
        return Reading(cases=without_places(read.cases), output=output, junit=evidence.report)
    return Reading(problem=read.problem or "the report names no test", output=output, junit=evidence.report)
