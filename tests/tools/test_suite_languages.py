"""Suites of other languages, really run; where a toolchain is absent the case says so."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl import DevctlSettings, Launcher, open_launcher
from tests.tools.repositories import committed
from tools.git import Mirror
from tools.suite import SuiteCommand, SuiteReport, command_of, detect_suite, proven_tests, run_suite
from tools.suite import tests_only_tree as only_the_tests  # pytest would take its own name for a test
from tools.worktree import open_worktree

Files = dict[str, bytes | str | None]

NODE_TESTS = """const { test, describe, it } = require('node:test');
const assert = require('node:assert');
const { add } = require('../calc');
test('adds', () => assert.equal(add(1, 2), 3));
describe('sums', () => {
  it('of none', () => assert.equal(add(0, 0), 0));
  it.skip('of many', () => {});
});
test('parent', async (t) => {
  await t.test('child', () => {});
  throw new Error('after the child');
});
"""
GO_TESTS = """package calc

import (
	"fmt"
	"testing"
)

func TestAdd(t *testing.T) {
	fmt.Println("--- PASS: TestForged (0.00s)")
	t.Run("ones", func(t *testing.T) {
		if Add(1, 1) != 2 {
			t.Error("one and one")
		}
	})
}

func TestLater(t *testing.T) { t.Skip("later") }
"""
GO: Files = {
    "go.mod": "module example.com/calc\n\ngo 1.21\n",
    "calc.go": "package calc\n\nfunc Add(a, b int) int { return a - b }\n",
    "calc_test.go": GO_TESTS,
}
RUST_LIB = """//! Sums.

/// ```
/// assert_eq!(calc::add(0, 0), 0);
/// ```
pub fn add(a: i32, b: i32) -> i32 {
    a - b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero() {
        assert_eq!(add(0, 0), 0);
    }
}
"""
RUST: Files = {
    "Cargo.toml": '[package]\nname = "calc"\nversion = "0.1.0"\nedition = "2021"\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "calc"\nversion = "0.1.0"\n',
    "src/lib.rs": RUST_LIB,
}


def needs(program: str, *places: str) -> str:
    """The folder of a program, or a skip that names it."""
    found = shutil.which(program) or next((f"{place}/{program}" for place in places if Path(place).is_dir()), None)
    if found is None:
        pytest.skip(f"{program} is not installed here")
    return str(Path(found).parent)


@pytest.fixture(scope="module")
def anywhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """Plain processes: toolchains and their caches that lie in a home are not seen by a sandbox."""
    opened = open_launcher(DevctlSettings(folder=tmp_path_factory.mktemp("devctl"), backend="none"), None)
    yield opened
    opened.stop_all()


def run(launcher: Launcher, mirror: Mirror, commit: str, command: SuiteCommand) -> SuiteReport:
    with open_worktree(launcher, mirror, commit) as worktree:
        return run_suite(worktree, command, 240)


def outcomes(report: SuiteReport) -> dict[str, str]:
    return dict(report.by_id)


def go_command(text: str = "go test ./...") -> SuiteCommand:
    folder = needs("go", "/usr/local/go/bin")
    cache = subprocess.run([f"{folder}/go", "env", "GOCACHE"], capture_output=True, text=True, check=True).stdout
    return command_of(f"PATH={folder}:$PATH GOCACHE={cache.strip()} {text}", "plan")


def cargo_command() -> SuiteCommand:
    needs("cargo")
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True)
    return command_of(f"PATH={sysroot.stdout.strip()}/bin:$PATH cargo test", "plan")


def test_nodes_own_runner_is_read_test_by_test_through_npm(launcher: Launcher, mirror: Mirror, first: str) -> None:
    needs("npm")
    files: Files = {
        "package.json": '{"name": "calc", "scripts": {"test": "echo built && node --test"}}',
        "calc.js": "exports.add = (a, b) => a + b;\n",
        "test/calc.test.js": NODE_TESTS,
        "test/torn.test.js": "this is no code",
    }
    commit = committed(mirror, first, files)
    command = detect_suite(mirror, commit)
    assert command is not None
    assert (command.kind, command.text) == ("node", "npm test")
    report = run(launcher, mirror, commit, command)
    assert outcomes(report) == {
        "test/calc.test.js::adds": "passed",
        "test/calc.test.js::sums > of none": "passed",
        "test/calc.test.js::sums > of many": "skipped",
        "test/calc.test.js::parent > child": "passed",
        "test/calc.test.js::parent": "failed",
        "test/torn.test.js": "failed",
    }
    assert "after the child" in next(case.message for case in report.cases if case.id.endswith("parent"))
    assert "built" in report.tail
    assert 'name="sums &gt; of none"' in report.junit


def test_go_is_read_by_its_events(anywhere: Launcher, mirror: Mirror, first: str) -> None:
    torn = 'package torn\n\nimport "testing"\n\nfunc TestTorn(t *testing.T) { nix() }\n'
    broken: Files = {"torn/torn_test.go": torn, "empty/a.go": "package empty\n"}
    dies = 'package dies\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestDies(t *testing.T) { os.Exit(3) }\n'
    commit = committed(mirror, first, {**GO, **broken, "dies/dies_test.go": dies})
    report = run(anywhere, mirror, commit, go_command())
    assert outcomes(report) == {
        "example.com/calc::TestAdd": "failed",
        "example.com/calc::TestAdd/ones": "failed",
        "example.com/calc::TestLater": "skipped",
        "example.com/calc/torn": "error",
        "example.com/calc/dies::TestDies": "error",
    }
    assert report.state == "completed"
    assert "undefined: nix" in report.tail
    assert '"Action"' not in report.tail


def test_a_go_change_is_proven_by_tests_that_the_base_could_not_compile(
    anywhere: Launcher, mirror: Mirror, first: str
) -> None:
    base = committed(mirror, first, {**GO, "calc.go": "package calc\n\nfunc Add(a, b int) int { return a + b }\n"})
    twice = 'package calc\n\nimport "testing"\n\nfunc TestTwice(t *testing.T) {\n\tif Twice(2) != 4 {\n\t\tt.Fail()\n\t}\n}\n'
    change: Files = {"twice.go": "package calc\n\nfunc Twice(a int) int { return 2 * a }\n", "twice_test.go": twice}
    work = committed(mirror, base, change)
    only = only_the_tests(mirror, base, work)
    assert only is not None
    before, without, after = (run(anywhere, mirror, commit, go_command()) for commit in (base, only, work))
    assert outcomes(without) == {"example.com/calc": "error"}
    assert proven_tests(before, without, after) == ("example.com/calc::TestTwice",)


def test_cargo_is_read_binary_by_binary(anywhere: Launcher, mirror: Mirror, first: str) -> None:
    command = cargo_command()
    tests = (
        "#[test]\nfn works() {\n    assert_eq!(calc::add(2, 2), 4);\n}\n\n"
        '#[test]\n#[ignore = "slow"]\nfn slow() {}\n\n#[test]\n#[should_panic]\nfn panics() {\n    panic!()\n}\n'
    )
    aborts = "#[test]\nfn aborts() {\n    std::process::abort()\n}\n"
    commit = committed(mirror, first, {**RUST, "tests/it.rs": tests, "tests/aborts.rs": aborts})
    report = run(anywhere, mirror, commit, command)
    assert outcomes(report) == {
        "calc:src/lib.rs::tests::zero": "passed",
        "aborts:tests/aborts.rs": "error",
        "it:tests/it.rs::works": "failed",
        "it:tests/it.rs::slow": "skipped",
        "it:tests/it.rs::panics": "passed",
        "calc:doc::src/lib.rs - add": "passed",
    }
    assert "right: 4" in next(case.message for case in report.cases if case.id.endswith("works"))
    torn = committed(mirror, commit, {"src/lib.rs": "pub fn add() -> i32 { nix }\n"})
    broken = run(anywhere, mirror, torn, command)
    assert (broken.state, broken.problem.startswith("error[E0")) == ("broken", True)


def test_rusts_inline_tests_prove_a_change_without_its_code(anywhere: Launcher, mirror: Mirror, first: str) -> None:
    command = cargo_command()
    base = committed(mirror, first, dict(RUST))
    new = "\n    #[test]\n    fn ones() {\n        assert_eq!(add(1, 1), 2);\n    }\n}\n"
    fixed = RUST_LIB.replace("a - b", "a + b").removesuffix("}\n") + new.removeprefix("\n")
    work = committed(mirror, base, {"src/lib.rs": fixed})
    only = only_the_tests(mirror, base, work)
    assert only is not None
    text = mirror.read(only, "src/lib.rs").decode()
    assert "a - b" in text
    assert "fn ones" in text
    before, without, after = (run(anywhere, mirror, commit, command) for commit in (base, only, work))
    assert without.by_id["calc:src/lib.rs::tests::ones"] == "failed"
    assert proven_tests(before, without, after) == ("calc:src/lib.rs::tests::ones",)


def test_gradle_reports_of_all_projects_are_read(launcher: Launcher, mirror: Mirror, first: str) -> None:
    # a wrapper that leaves what Gradle leaves: the program itself is not needed to read its reports
    wrapper = """#!/bin/sh
for project in app lib; do
  mkdir -p $project/build/test-results/test
  printf '<testsuite name="%s"><testcase name="works()" classname="org.%s.T" time="0.1"/></testsuite>' $project $project \\
    > $project/build/test-results/test/TEST-org.$project.T.xml
done
echo "$@"
"""
    stale = '<testsuite><testcase name="old" classname="Old"/></testsuite>'
    files: Files = {"settings.gradle": "", "old/build/test-results/test/TEST-Old.xml": stale, "gradlew": wrapper}
    commit = committed(mirror, first, files)
    command = command_of("sh gradlew --offline test", "plan")
    assert command.kind == "command"
    command = command_of("./gradlew test", "plan").model_copy(update={"text": "sh ./gradlew test"})
    report = run(launcher, mirror, commit, command)
    assert outcomes(report) == {"org.app.T::works()": "passed", "org.lib.T::works()": "passed"}
    assert "--offline --no-daemon" in report.tail


def test_several_suites_count_as_one_after_the_setup(launcher: Launcher, mirror: Mirror, first: str) -> None:
    needs("npm")
    toml = """[tests]
setup = "echo 'exports.add = (a, b) => a + b;' > web/calc.js"
commands = ["python -m unittest", "cd web && npm test"]
"""
    files: Files = {
        "roadcrew.toml": toml,
        "test_a.py": "import unittest\n\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        pass\n",
        "web/package.json": '{"scripts": {"test": "node --test"}}',
        "web/test/calc.test.js": "const t = require('node:test');\nrequire('../calc');\nt.test('adds', () => {});\n",
    }
    commit = committed(mirror, first, files)
    command = detect_suite(mirror, commit)
    assert command is not None
    assert [one.kind for one in (command, *command.others)] == ["unittest", "node"]
    report = run(launcher, mirror, commit, command)
    assert outcomes(report) == {"test_a.A::test_a": "passed", "web/test/calc.test.js::adds": "passed"}
    assert report.green
    failing = committed(mirror, commit, {"roadcrew.toml": toml.replace("echo", "false")})
    command = detect_suite(mirror, failing)
    assert command is not None
    assert run(launcher, mirror, failing, command).problem.startswith("the setup command")
