"""JUnit XML, as untrusted code may write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.junit import JUNIT_BYTES, read_junit

GOOD = b"""<?xml version="1.0"?><testsuites><testsuite name="pytest">
<testcase classname="tests.test_a" name="test_ok" time="0.1"/>
<testcase classname="tests.test_a" name="test_no" time="0.2"><failure message="assert 1 == 2">long</failure></testcase>
<testcase classname="tests.test_a" name="test_skip"><skipped message="no"/></testcase>
<testcase classname="" name="tests.test_b"><error message="collection failure">ImportError</error></testcase>
<testcase classname="tests.test_a" name="test_torn"/>
<testcase classname="tests.test_a" name="test_torn"><error message="failed on teardown"/></testcase>
</testsuite></testsuites>"""
LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<testsuites><testsuite><testcase name="&b;"/></testsuite></testsuites>"""


def test_outcomes_are_read_by_id() -> None:
    report = read_junit(GOOD)
    assert report.state == "read"
    assert {case.id: case.outcome for case in report.cases} == {
        "tests.test_a::test_ok": "passed",
        "tests.test_a::test_no": "failed",
        "tests.test_a::test_skip": "skipped",
        "tests.test_b": "error",
        "tests.test_a::test_torn": "error",
    }
    assert report.cases[1].message == "assert 1 == 2\nlong"


def test_nested_and_bare_suites_are_read() -> None:
    inner = b'<testsuite><testsuite><testcase name="a"/></testsuite><testcase name="b"/></testsuite>'
    assert {case.id for case in read_junit(inner).cases} == {"a", "b"}
    assert {case.id for case in read_junit(b"<testsuites>" + inner + b"</testsuites>").cases} == {"a", "b"}


@pytest.mark.parametrize("data", [None, b"", b"  \n"])
def test_no_report_is_absent(data: bytes | None) -> None:
    assert read_junit(data).state == "absent"


@pytest.mark.parametrize(
    "data",
    [
        b"<testsuites>",
        b"not xml",
        b"<html/>",
        LAUGHS,
        LAUGHS.decode().encode("utf-16"),
        GOOD.replace(b"0.1", b"soon"),
        b"x" * (JUNIT_BYTES + 1),
        b"<testsuites>" + b"<testsuite>" * 3000 + b"</testsuite>" * 3000 + b"</testsuites>",
    ],
)
def test_what_cannot_be_read_is_broken_and_says_why(data: bytes) -> None:
    report = read_junit(data)
    assert report.state == "broken"
    assert report.problem


@given(st.binary() | st.text().map(lambda text: f"<testsuite>{text}</testsuite>".encode()))
def test_any_bytes_are_read_or_told_about(data: bytes) -> None:
    assert read_junit(data).state in {"read", "absent", "broken"}
