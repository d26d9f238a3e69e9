"""Ruff and bandit on a change."""

from pathlib import Path

from tests.tools.repositories import committed
from tools.git import Mirror
from tools.lint import lint_change


def test_only_changed_lines_count(mirror: Mirror, first: str) -> None:
    base = committed(mirror, first, {"a.py": "import os\n\n\nx = 1\n"})
    commit = committed(mirror, base, {"a.py": "import os\n\n\nx = 1\nimport sys\n"})
    report = lint_change(mirror, base, commit)
    assert {(found.line, found.rule) for found in report.findings} == {(5, "E402"), (5, "F401")}
    assert report.verdict == "lint: 2 from ruff"
    assert "a.py:5: F401 (medium)" in report.text


def test_bandit_speaks_of_code_and_not_of_tests(mirror: Mirror, first: str) -> None:
    source = "import subprocess\n\nsubprocess.call(input(), shell=True)\nassert True\n"
    commit = committed(mirror, first, {"app.py": source, "tests/test_app.py": source})
    report = lint_change(mirror, first, commit)
    assert ("app.py", "B602", "high") in {(f.path, f.rule, f.severity) for f in report.findings}
    assert not any(found.path.startswith("tests/") for found in report.findings)


def test_no_code_of_the_repository_runs(mirror: Mirror, first: str, tmp_path: Path) -> None:
    flag = tmp_path / "ran"
    trap = f"open({str(flag)!r}, 'w').close()\n"
    names = ("bandit", "ruff", "json", "ast", "sitecustomize", "usercustomize", "conftest", "setup", "yaml")
    files: dict[str, bytes | str | None] = {f"{name}.py": trap for name in names}
    commit = committed(mirror, first, {**files, ".bandit": "[bandit]\nskips = B\n", "bad.py": "exec(input())\n"})
    report = lint_change(mirror, first, commit)
    assert not flag.exists()
    assert any(found.path == "bad.py" and found.tool == "bandit" for found in report.findings)


def test_the_repositorys_own_ruff_configuration_is_followed(mirror: Mirror, first: str) -> None:
    base = committed(mirror, first, {"pyproject.toml": "[tool.ruff.lint]\nselect = ['D100']\n"})
    report = lint_change(mirror, base, committed(mirror, base, {"a.py": "import os\n"}))
    assert [found.rule for found in report.findings] == ["D100"]


def test_a_configuration_that_ruff_refuses_does_not_hide_the_code(mirror: Mirror, first: str) -> None:
    commit = committed(mirror, first, {"ruff.toml": "selekt = [\n", "a.py": "import os\n"})
    assert [found.rule for found in lint_change(mirror, first, commit).findings] == ["F401"]


def test_a_syntax_error_is_a_high_finding(mirror: Mirror, first: str) -> None:
    report = lint_change(mirror, first, committed(mirror, first, {"a.py": "def f(:\n"}))
    assert report.findings[0].severity == "high"
    assert report.verdict == "lint: 1 from ruff, 1 of them high"


def test_a_change_without_python_has_nothing_to_lint(mirror: Mirror, first: str) -> None:
    report = lint_change(mirror, first, committed(mirror, first, {"a.md": "x", "-rf.py": None}))
    assert report.verdict == "lint: no file is changed that a linter reads"
    odd = lint_change(mirror, first, committed(mirror, first, {"--help.py": "x = 1\n", "d/@x y.py": "y = 1\n"}))
    assert (odd.verdict, odd.files) == ("lint: clean", 2)
