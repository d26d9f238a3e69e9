"""Check, in a test report, that every embedded default was really tested and not skipped.

    python -m scripts.embedded build/tests.xml

A suite that skips because a server did not start would pass in silence; this makes the run fail instead.
"""

import sys
import xml.etree.ElementTree as ET  # noqa: S405 - the report is our own test run's
from pathlib import Path

DEFAULTS = {
    "the embedded servers": "tests.local",
    "the roadmap on the embedded graph": "tests.graph",
    "the local forge": "tests.forge",
    "environments": "tests.devctl",
    "the rules in process": "tests.policies",
}
"""What must have been tested, and the package of tests that does it."""


def untested(report: Path) -> list[str]:
    """Return a line for each default that no passing test covers, or whose tests skip for want of it."""
    passed: dict[str, int] = dict.fromkeys(DEFAULTS, 0)
    faults = []
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - the report is our own test run's
        name = f"{case.get('classname', '')}.{case.get('name', '')}"
        skipped = case.find("skipped")
        if skipped is None and case.find("failure") is None and case.find("error") is None:
            for default, package in DEFAULTS.items():
                passed[default] += name.startswith(f"{package}.")
        elif skipped is not None and "embedded" in (skipped.get("message") or ""):
            faults.append(f"{name} was skipped: {skipped.get('message')}")
    return faults + [f"no test of {default} passed ({DEFAULTS[default]})" for default, n in passed.items() if n == 0]


def main(arguments: list[str]) -> int:
    """Print what was not covered; 0 when everything was."""
    report = Path(arguments[0])
    if not report.is_file():
        print(f"embedded: there is no test report at {report}")
        return 1
    faults = untested(report)
    for fault in faults:
        print(f"embedded: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
