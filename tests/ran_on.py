"""What contract suites ran on: a test says its store or engine, and the end of the run counts them."""

from collections import Counter

import pytest

PROPERTY = "ran on"


def ran_on(request: pytest.FixtureRequest, suite: str, what: str) -> None:
    """Remember that the present test of a suite ran on this; call it once a test."""
    request.node.user_properties.append((PROPERTY, f"{suite} suite on {what}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which stores and engines were tested, and which were not, with the reason."""
    passed = [report for report in terminalreporter.getreports("passed") if report.when == "call"]
    counts = Counter(value for report in passed for name, value in report.user_properties if name == PROPERTY)
    for what, number in sorted(counts.items()):
        terminalreporter.write_line(f"{what}: {number} tests")
