"""Runs `python -m unittest` with the same arguments and writes JUnit XML besides; stands alone.

Usage: unittest_junit.py REPORT [arguments of unittest]. It runs on the repository's own Python, 3.8 or later.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
import unittest
from types import TracebackType
from typing import Any, Dict, Tuple, Type, Union  # noqa: UP035 - aliases are evaluated, also by Python 3.8
from xml.sax.saxutils import escape, quoteattr

Row = Tuple[str, str]  # noqa: UP006 - as above
Fault = Union[Tuple[Type[BaseException], BaseException, TracebackType], Tuple[None, None, None]]  # noqa: UP006, UP007 - as above

ROWS: Dict[str, Row] = {}  # noqa: UP006 - as above
SECONDS: Dict[str, float] = {}  # noqa: UP006 - as above


class Recorder(unittest.TextTestResult):
    """Keeps what became of every test."""

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        super().startTest(test)
        SECONDS[test.id()] = -time.monotonic()
        ROWS.setdefault(test.id(), ("passed", ""))

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        SECONDS[test.id()] += time.monotonic()
        super().stopTest(test)

    def addError(self, test: unittest.TestCase, err: Fault) -> None:  # noqa: N802 - unittest's name
        super().addError(test, err)
        note(test, "error", err)

    def addFailure(self, test: unittest.TestCase, err: Fault) -> None:  # noqa: N802 - unittest's name
        super().addFailure(test, err)
        note(test, "failure", err)

    def addSubTest(  # noqa: N802 - unittest's name
        self, test: unittest.TestCase, subtest: unittest.TestCase, err: Fault | None
    ) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None and err[0] is not None:
            note(test, "failure" if issubclass(err[0], test.failureException) else "error", err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802 - unittest's name
        super().addSkip(test, reason)
        ROWS[test.id()] = ("skipped", reason)

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        super().addUnexpectedSuccess(test)
        ROWS[test.id()] = ("failure", "it passed and was expected to fail")


class Runner(unittest.TextTestRunner):
    """The text runner, with a report."""

    resultclass = Recorder  # type: ignore[assignment]  # unittest makes it from the class

    def run(self, test: unittest.TestSuite | unittest.TestCase) -> Any:
        """Run, then write the report."""
        result = super().run(test)
        write(sys.argv[1])
        return result


def note(test: unittest.TestCase, outcome: str, err: Fault) -> None:
    """Keep why a test did not pass."""
    ROWS[test.id()] = (outcome, "".join(traceback.format_exception(*err)))


def write(path: str) -> None:
    """Write the report in one step, so that a half of it is never read."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<testsuites><testsuite>"]
    for name, (outcome, text) in ROWS.items():
        owner, _, method = name.rpartition(".")
        names = f"classname={quoteattr(owner)} name={quoteattr(method)}"
        clean = escape("".join(c if c.isprintable() or c in "\n\t" else "?" for c in text))
        body = "" if outcome == "passed" else f"<{outcome}>{clean}</{outcome}>"
        lines.append(f'<testcase {names} time="{max(0.0, SECONDS.get(name, 0.0)):.3f}">{body}</testcase>')
    lines.append("</testsuite></testsuites>")
    with open(path + ".part", "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - a plain name
        file.write("\n".join(lines))
    os.replace(path + ".part", path)  # noqa: PTH105 - a plain name


if __name__ == "__main__":
    sys.argv[1] = os.path.abspath(sys.argv[1])  # noqa: PTH100 - tests may change the folder
    sys.path[0] = os.getcwd()  # noqa: PTH109 - as `python -m` has it
    unittest.main(module=None, argv=["python -m unittest", *sys.argv[2:]], testRunner=Runner)
