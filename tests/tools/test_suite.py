"""Finding, running and comparing suites; the runs are real, in sandboxes."""

import sys
from pathlib import Path

import pytest

from devctl import Launcher
from tests.tools.repositories import committed
from tools.git import Mirror
from tools.preparing import prepare_commit
from tools.suite import (
    SuiteCommand,
    SuiteReport,
    command_of,
    compare,
    detect_suite,
    restore_base_tests,
    run_suite,
)
from tools.suite import tests_only_tree as only_the_tests  # pytest would take its own name for a test
from tools.worktree import open_worktree

CALC = "def add(a, b):\n    return a - b\n"
UNITTEST = """import unittest
from calc import add

class Adding(unittest.TestCase):
    def test_zero(self):
        self.assertEqual(add(0, 0), 0)

    def test_one(self):
        self.assertEqual(add(0, 1), 1)

    @unittest.skip("later")
    def test_two(self):
        pass

    def test_subs(self):
        for n in range(2):
            with self.subTest(n=n):
                self.assertEqual(n, n)
"""
FIXED = CALC.replace("-", "+")


def run(launcher: Launcher, mirror: Mirror, commit: str, command: SuiteCommand, seconds: float = 60) -> SuiteReport:
    with open_worktree(launcher, mirror, commit) as worktree:
        return run_suite(worktree, command, seconds)


@pytest.mark.parametrize(
    ("files", "kind", "text"),
    [
        ({"tests/test_a.py": "def test_a(): pass\n"}, "pytest", "python -m pytest"),
        ({"test_a.py": "import unittest\n", "pyproject.toml": "[tool.pytest]\n"}, "pytest", "python -m pytest"),
        ({"test_a.py": "import unittest\n"}, "unittest", "python -m unittest discover"),
        ({"tests/test_a.py": "import unittest\n"}, "unittest", "python -m unittest discover -s tests"),
        (
            {"tests/test_a.py": "import unittest\n", "tests/__init__.py": ""},
            "unittest",
            "python -m unittest discover -s tests -t .",
        ),
        ({"run-tests.sh": "true"}, "command", "./run-tests.sh"),
        ({"package.json": '{"scripts": {"test": "jest"}}'}, "jest", "npm test"),
        ({"roadcrew.toml": "[tests]\ncommand = 'make check'\n", "test_a.py": ""}, "command", "make check"),
    ],
)
def test_the_command_is_told_by_the_files(
    mirror: Mirror, first: str, files: dict[str, bytes | str | None], kind: str, text: str
) -> None:
    found = detect_suite(mirror, committed(mirror, first, files))
    assert found is not None
    assert (found.kind, found.text) == (kind, text)


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "x"},
        {"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'},
        {"package.json": "[" * 5000, "tests/data.json": "{}"},
        {"roadcrew.toml": "not toml ["},
    ],
)
def test_no_suite_is_no_command(mirror: Mirror, first: str, files: dict[str, bytes | str | None]) -> None:
    assert detect_suite(mirror, committed(mirror, first, files)) is None


def test_the_plan_wins_over_what_is_detected(mirror: Mirror, first: str) -> None:
    found = detect_suite(mirror, committed(mirror, first, {"test_a.py": "import unittest\n"}), "pytest -q tests")
    assert found is not None
    assert (found.kind, found.source, found.packages) == ("pytest", "plan", ("pytest",))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("pytest", "pytest"),
        ("python3 -m pytest -k 'a b'", "pytest"),
        ("PYTHONPATH=src pytest", "pytest"),
        ("python -m unittest", "unittest"),
        ("pytest; rm x", "command"),
        ("pytest | tee x", "command"),
        ("pytest --junitxml=x", "command"),
        ("make test", "command"),
        ("pytest 'unclosed", "command"),
    ],
)
def test_plain_calls_are_known_and_all_else_is_judged_by_its_status(text: str, kind: str) -> None:
    assert command_of(text, "plan").kind == kind


def test_unittest_runs_are_read_test_by_test(launcher: Launcher, mirror: Mirror, first: str) -> None:
    base = committed(mirror, first, {"calc.py": CALC, "tests/test_calc.py": UNITTEST})
    command = detect_suite(mirror, base)
    assert command is not None
    before = run(launcher, mirror, base, command)
    after = run(launcher, mirror, committed(mirror, base, {"calc.py": FIXED}), command)
    assert before.verdict == "tests: 2 passed, 1 failed, 1 skipped"
    assert before.failing == ("test_calc.Adding::test_one",)
    assert (after.verdict, after.green, before.green) == ("tests: 3 passed, 1 skipped", True, False)
    difference = compare(before, after)
    assert difference.fixed == difference.proven == before.failing
    assert difference.verdict == "compared: 1 fixed"
    assert SuiteReport.model_validate_json(before.model_dump_json()) == before


def test_commands_are_judged_by_their_status(launcher: Launcher, mirror: Mirror, first: str) -> None:
    command = command_of("test -e done", "plan")
    before = run(launcher, mirror, first, command)
    after = run(launcher, mirror, committed(mirror, first, {"done": ""}), command)
    assert (before.verdict, after.verdict) == ("tests: failed, exit status 1", "tests: passed")
    assert compare(before, after).fixed == ("test -e done",)


def test_a_suite_that_does_not_end_is_stopped(launcher: Launcher, mirror: Mirror, first: str) -> None:
    report = run(launcher, mirror, first, command_of("sleep 600", "plan"), seconds=0.3)
    assert (report.state, report.verdict, report.green) == ("timed_out", "tests: timed out", False)


def test_a_suite_that_dies_is_no_green_one(launcher: Launcher, mirror: Mirror, first: str) -> None:
    dies = "import os, unittest\n\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        os._exit(0)\n"
    command = command_of("python -m unittest", "plan")
    report = run(launcher, mirror, committed(mirror, first, {"test_a.py": dies}), command)
    assert (report.state, report.green) == ("broken", False)
    assert report.verdict == "tests: did not run to their end, exit status 0"


def test_no_tests_are_none_and_not_green(launcher: Launcher, mirror: Mirror, first: str) -> None:
    report = run(launcher, mirror, first, command_of("python -m unittest", "plan"))
    assert (report.verdict, report.empty, report.green) == ("tests: none found", True, False)
    assert SuiteReport.without_suite().verdict == "tests: there is no suite"


def test_tests_of_the_base_are_put_back(launcher: Launcher, mirror: Mirror, first: str) -> None:
    base = committed(
        mirror, first, {"calc.py": CALC, "tests/test_a.py": "1", "tests/test_b.py": "1", "tests/test_c.py": "1"}
    )
    changed = {
        "calc.py": FIXED,
        "tests/test_a.py": "2",
        "tests/test_b.py": None,
        "tests/test_c.py": "2",
        "test_n.py": "",
    }
    work = committed(mirror, base, changed)
    with open_worktree(launcher, mirror, base, files_of=work) as worktree:
        assert restore_base_tests(worktree, mirror, base, ["tests/test_c*"]) == ("tests/test_a.py", "tests/test_b.py")
        files = worktree.exec("head -n 3 calc.py tests/* test_n.py").output
    assert "a + b" in files
    assert "==> tests/test_a.py <==\n1" in files
    assert "==> tests/test_b.py <==\n1" in files
    assert "==> tests/test_c.py <==\n2" in files
    assert "test_n.py" in files


def test_proof_is_a_test_that_fails_without_the_change(launcher: Launcher, mirror: Mirror, first: str) -> None:
    old = "import unittest\n\n\nclass Old(unittest.TestCase):\n    def test_old(self):\n        pass\n"
    new = old.replace("Old", "New").replace("old", "new").replace("import", "import calc\nimport", 1)
    base = committed(mirror, first, {"test_old.py": old})
    work = committed(mirror, base, {"calc.py": FIXED, "test_new.py": new})
    only_tests = only_the_tests(mirror, base, work)
    assert only_tests is not None
    assert [entry.path for entry in mirror.files(only_tests)] == ["test_new.py", "test_old.py"]
    command = command_of("python -m unittest", "plan")
    found = compare(run(launcher, mirror, only_tests, command), run(launcher, mirror, work, command))
    assert found.proven == ("test_new.New::test_new",)
    assert only_the_tests(mirror, base, committed(mirror, base, {"calc.py": FIXED})) is None


def test_pytest_runs_are_read_though_a_module_cannot_be_imported(
    launcher: Launcher, mirror: Mirror, first: str
) -> None:
    files = {"test_a.py": "def test_a():\n    pass\n", "test_b.py": "import nix\n\n\ndef test_b():\n    pass\n"}
    commit = committed(mirror, first, dict(files))
    site = next(Path(folder) for folder in sys.path if folder.endswith("site-packages"))
    wanted = ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments")
    with open_worktree(launcher, mirror, commit) as worktree:
        for package in wanted:
            worktree.environment.put(site / package, f".git/site/{package}")
        command = command_of("PYTHONPATH=.git/site python -m pytest -p no:cacheprovider", "plan")
        report = run_suite(worktree, command, 60)
        assert report.verdict == "tests: 1 passed, 1 error"
        assert "generated xml file" not in report.tail  # it is ours, and its name differs from run to run
        assert report.completed
        worktree.exec("rm test_a.py test_b.py")
        assert run_suite(worktree, command, 60).verdict == "tests: none found"
        worktree.exec("echo 'import nix' > conftest.py")
        assert run_suite(worktree, command, 60).state == "broken"


def test_dependencies_are_prepared_from_the_commit(launcher: Launcher, mirror: Mirror, first: str) -> None:
    prepared = prepare_commit(launcher, mirror, committed(mirror, first, {"requirements.txt": ""}))
    with open_worktree(launcher, mirror, first, prepared=prepared) as worktree:
        assert worktree.exec("python -c 'import sys; print(sys.prefix)'").exit_code == 0
