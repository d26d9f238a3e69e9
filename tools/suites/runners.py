"""The table of the families of runners."""

from collections.abc import Mapping

from tools.suites import cargo, golang, javascript, jvm, locust, python, tap
from tools.suites.command import SuiteKind
from tools.suites.runner import Runner

RUNNERS: Mapping[SuiteKind, Runner] = {
    "pytest": Runner(python.arm_pytest, python.read_python),
    "unittest": Runner(python.arm_unittest, python.read_python),
    "node": Runner(javascript.arm_node, javascript.read_node),
    "vitest": Runner(javascript.arm_vitest, javascript.read_vitest),
    "jest": Runner(javascript.arm_jest, javascript.read_jest),
    "mocha": Runner(javascript.arm_mocha, javascript.read_mocha),
    "tap": Runner(tap.arm_tap, tap.read_tap),
    "go": Runner(golang.arm_go, golang.read_go),
    "cargo": Runner(cargo.arm_cargo, cargo.read_cargo),
    "maven": Runner(jvm.arm_maven, jvm.read_reports),
    "gradle": Runner(jvm.arm_gradle, jvm.read_reports),
    "locust": Runner(locust.arm_locust, locust.read_locust),
}
"""`command` is not among them: it is judged by its exit status; nor is `smoke`, whose requests the host makes."""
