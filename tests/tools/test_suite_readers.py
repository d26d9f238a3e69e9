"""Reading what runners leave, as untrusted code may have written it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.junit import read_junit, write_junit
from tools.suites.runner import REPORT_BYTES, Evidence, Reading
from tools.suites.runners import RUNNERS

MOCHA = {
    "stats": {"tests": 3},
    "passes": [{"title": "ok", "fullTitle": "grp ok", "file": "/work/test/a.js", "duration": 4, "err": {}}],
    "failures": [
        {"fullTitle": "grp bad", "file": "/work/test/a.js", "err": {"stack": "AssertionError: 1 == 2", "message": "1"}}
    ],
    "pending": [{"fullTitle": "grp later", "file": "/work/test/a.js", "err": {}}],
}
JEST = {
    "success": False,
    "testResults": [
        {
            "name": "/work/src/a.test.js",
            "status": "failed",
            "message": "…",
            "assertionResults": [
                {"fullName": "grp ok", "status": "passed", "duration": 3, "failureMessages": []},
                {"fullName": "grp bad", "status": "failed", "duration": 3, "failureMessages": ["expected 2"]},
                {"fullName": "grp later", "status": "pending", "duration": None, "failureMessages": []},
            ],
        },
        {"name": "/work/src/b.test.js", "status": "failed", "message": "no module", "assertionResults": []},
    ],
}
VITEST = """<?xml version="1.0" encoding="UTF-8" ?><testsuites name="vitest tests" tests="3">
<testsuite name="src/a.test.ts" tests="3"><testcase classname="src/a.test.ts" name="grp &gt; ok" time="0.001"/>
<testcase classname="src/a.test.ts" name="grp &gt; bad" time="0.004"><failure message="expected 1" type="E">at</failure>
</testcase><testcase classname="src/a.test.ts" name="grp &gt; later" time="0"><skipped/></testcase></testsuite>
</testsuites>"""
TAPE = """TAP version 13
# one
ok 1 should be strictly equal
not ok 2 not two
  ---
    operator: equal
    stack: |-
      ok 3 is part of the notes
  ...
# SKIP two

1..2
# tests 2
# pass  1
# fail  1
"""
NODE_TAP = """TAP version 14
    # Subtest: inner
    ok 1 - inner # time=3ms
    1..1
ok 1 - outer # time=4ms
ok 2 - later # SKIP not now
not ok 3 - planned # TODO
1..4
"""
SUREFIRE = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="x.CalcTest" time="0.1" tests="4">
<properties><property name="java.version" value="17"/></properties>
<testcase name="adds" classname="x.CalcTest" time="0.014"/>
<testcase name="bad" classname="x.CalcTest" time="0.009"><failure message="expected: 4" type="E">trace</failure></testcase>
<testcase name="later" classname="x.CalcTest" time="0"><skipped message="later"/></testcase>
<testcase name="p{int}[1]" classname="x.CalcTest" time="0.012"><system-out>said</system-out></testcase></testsuite>"""
CARGO = """     Running unittests src/lib.rs (target/debug/deps/calc-6021fa626d9ceb1b)

running 2 tests
test tests::one ... ok
test tests::two ... FAILED

failures:

---- tests::two stdout ----
test tests::forged ... ok
test result: told

failures:
    tests::two

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s

   Doc-tests calc

running 1 test
test src/lib.rs - add (line 2) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.09s
"""
STATS = """Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,95%
GET,/,120,0,4,5.5,9
POST,/items,30,2,8,9.0,21
,Aggregated,150,2,5,6.0,14
"""


def read(kind: str, report: str | None, exit_code: int = 1, files: dict[str, str] | None = None) -> Reading:
    data = None if report is None else report.encode()
    found = Evidence(
        exit_code=exit_code, output="", report=data, files={p: t.encode() for p, t in (files or {}).items()}
    )
    return RUNNERS[kind].read(found)  # type: ignore[index]  # a plain word is easier to write


def outcomes(kind: str, report: str, exit_code: int = 1) -> dict[str, str]:
    return {case.id: case.outcome for case in read(kind, report, exit_code).cases}


def test_each_form_gives_a_result_for_each_test() -> None:
    assert outcomes("mocha", json.dumps(MOCHA)) == {
        "test/a.js::grp ok": "passed",
        "test/a.js::grp bad": "failed",
        "test/a.js::grp later": "skipped",
    }
    assert outcomes("jest", json.dumps(JEST)) == {
        "src/a.test.js::grp ok": "passed",
        "src/a.test.js::grp bad": "failed",
        "src/a.test.js::grp later": "skipped",
        "src/b.test.js": "error",
    }
    assert outcomes("vitest", VITEST) == {
        "src/a.test.ts::grp > ok": "passed",
        "src/a.test.ts::grp > bad": "failed",
        "src/a.test.ts::grp > later": "skipped",
    }
    assert outcomes("cargo", CARGO) == {
        "calc:src/lib.rs::tests::one": "passed",
        "calc:src/lib.rs::tests::two": "failed",
        "calc:doc::src/lib.rs - add": "passed",
    }
    assert outcomes("locust", STATS) == {"load::GET /": "passed", "load::POST /items": "failed"}
    found = read("maven", None, files={"target/surefire-reports/TEST-x.CalcTest.xml": SUREFIRE})
    assert {case.id: case.outcome for case in found.cases} == {
        "x.CalcTest::adds": "passed",
        "x.CalcTest::bad": "failed",
        "x.CalcTest::later": "skipped",
        "x.CalcTest::p{int}[1]": "passed",
    }


def test_tap_is_read_with_its_headings_notes_and_plan() -> None:
    assert outcomes("tap", TAPE) == {"one::should be strictly equal": "passed", "one::not two": "failed"}
    assert outcomes("tap", NODE_TAP) == {
        "inner": "passed",
        "outer": "passed",
        "later": "skipped",
        "planned": "skipped",
        "(plan)": "error",
    }
    assert outcomes("tap", "ok 1 - a\nBail out! no more\n")["(bail out)"] == "error"


def test_lines_that_do_not_add_up_are_an_error() -> None:
    forged = CARGO.replace("test tests::two ... FAILED", "test tests::two ... FAILED\ntest tests::new ... ok")
    assert outcomes("cargo", forged)["calc:src/lib.rs"] == "error"
    cut = CARGO.partition("failures:")[0]
    assert outcomes("cargo", cut)["calc:src/lib.rs"] == "error"


def test_a_result_behind_what_a_child_printed_is_found() -> None:
    glued = CARGO.replace("test tests::one", "no end of linetest tests::one")
    assert outcomes("cargo", glued) == outcomes("cargo", CARGO)


def test_a_test_named_twice_has_its_worst_result() -> None:
    events = [
        {"Action": action, "Package": "x", "Test": "TestA"} for action in ("run", "fail", "run", "pass")
    ]  # fmt: skip
    assert outcomes("go", "\n".join(map(json.dumps, events))) == {"x::TestA": "failed"}


def test_what_people_read_is_made_of_what_programs_read() -> None:
    events = [
        {"Action": "output", "Package": "x", "Test": "TestA", "Output": "a_test.go:3: wrong\n"},
        {"Action": "fail", "Package": "x", "Test": "TestA"},
    ]
    assert read("go", "\n".join(map(json.dumps, events))).output == "a_test.go:3: wrong\n"
    assert "AssertionError: 1 == 2" in (read("mocha", json.dumps(MOCHA)).output or "")
    assert "150 requests, 2 failed, 95% within 14 ms" in (read("locust", STATS).output or "")


@pytest.mark.parametrize("kind", [kind for kind in RUNNERS if kind not in {"maven", "gradle"}])
@pytest.mark.parametrize("report", [None, "", "nonsense", "[" * 5000, "{}", "x" * (REPORT_BYTES + 1)])
def test_no_usable_report_of_a_failing_run_is_a_problem(kind: str, report: str | None) -> None:
    found = read(kind, report, exit_code=2)
    assert not found.cases
    assert found.problem


def test_build_reports_are_all_read_or_none_is() -> None:
    good, torn = {"a/TEST-a.xml": SUREFIRE}, {"b/TEST-b.xml": SUREFIRE[:200]}
    assert len(read("gradle", None, files=good).cases) == 4
    found = read("gradle", None, files={**good, **torn})
    assert (found.cases, found.problem.startswith("b/TEST-b.xml: ")) == ((), True)
    stopped = Evidence(exit_code=1, output="[INFO] x\n[ERROR] COMPILATION ERROR : \n[ERROR] A.java:[1,2] no\n")
    assert RUNNERS["maven"].read(stopped).problem == "[ERROR] A.java:[1,2] no"


@given(st.sampled_from(sorted(RUNNERS)), st.binary() | st.text().map(str.encode), st.integers(0, 255))
def test_any_report_is_read_or_told_about(kind: str, report: bytes, exit_code: int) -> None:
    found = RUNNERS[kind].read(  # type: ignore[index]  # the table's own keys
        Evidence(exit_code=exit_code, output="", report=report, files={"TEST-a.xml": report})
    )
    assert exit_code == 0 or found.cases or found.problem


@given(st.lists(st.sampled_from([*CARGO.splitlines(), *TAPE.splitlines(), *NODE_TAP.splitlines()])))
def test_lines_in_any_order_are_read(lines: list[str]) -> None:
    text = "\n".join(lines)
    for kind in ("cargo", "tap"):
        cases = read(kind, text).cases
        assert len({case.id for case in cases}) == len(cases)


@given(st.lists(st.tuples(st.text(), st.sampled_from(["passed", "failed", "error", "skipped"]), st.text())))
def test_written_junit_is_read_back(rows: list[tuple[str, str, str]]) -> None:
    lines = [json.dumps({"names": [name], "file": "/work/a.js", "outcome": o, "message": m}) for name, o, m in rows]
    cases = read("node", "\n".join(lines), 0).cases
    back = read_junit(write_junit(cases).encode())
    assert back.state == "read"
    assert {case.id: case.outcome for case in back.cases} == {case.id: case.outcome for case in cases}
