"""What of a change is about how tests are run, on a real repository."""

from pathlib import Path

import pytest

from agents.harness import changed_settings, without_hooks
from tests.tools.repositories import committed, new_remote, seeded
from tools.mirror import Mirror

BASE = {
    "pyproject.toml": '[project]\ndependencies = ["a"]\n[tool.pytest.ini_options]\naddopts = "-q"\n',
    "setup.cfg": "[metadata]\nname = x\n",
    "package.json": '{"scripts": {"test": "node --test", "lint": "x"}}',
    "Makefile": "all:\n\ttrue\ntest:\n\tpytest\n",
    "tests/test_x.py": "",
}


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "mirror", str(new_remote(tmp_path / "remote.git")))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", BASE["pyproject.toml"].replace('["a"]', '["a", "b"]')),
        ("setup.cfg", "[metadata]\nname = y\n[flake8]\nmax-line-length = 100\n"),
        ("package.json", '{"scripts": {"test": "node --test", "lint": "y"}, "dependencies": {"a": "1"}}'),
        ("Makefile", BASE["Makefile"].replace("true", "false")),
        ("src/json.py", ""),
        ("mail.py", ""),
    ],
)
def test_other_parts_of_a_file_may_change(mirror: Mirror, path: str, text: str) -> None:
    base = committed(mirror, seeded(mirror), BASE)
    assert changed_settings(mirror, base, committed(mirror, base, {path: text}), ()) == ()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", BASE["pyproject.toml"].replace("-q", "--co")),
        ("pyproject.toml", None),
        ("pyproject.toml", "[tool.pytest"),
        ("setup.cfg", "[tool:pytest]\naddopts = --co\n"),
        ("sub/tox.ini", "[testenv]\ncommands = true\n"),
        ("package.json", '{"scripts": {"test": "exit 0"}}'),
        ("package.json", '{"scripts": {"test": "node --test", "pretest": "exit 0"}}'),
        ("Makefile", BASE["Makefile"].replace("pytest", "true")),
        (".pytest.ini", ""),
        ("web/vitest.config.ts", ""),
        ("_pytest/__init__.py", ""),
        ("json.py", ""),
    ],
)
def test_what_decides_how_tests_are_run_may_not_unless_the_plan_lets_it(
    mirror: Mirror, path: str, text: str | None
) -> None:
    base = committed(mirror, seeded(mirror), BASE)
    commit = committed(mirror, base, {path: text})
    (told,) = changed_settings(mirror, base, commit, ())
    assert told.startswith(path)
    assert changed_settings(mirror, base, commit, (path,)) == ()


def test_hooks_that_are_added_are_taken_out(mirror: Mirror) -> None:
    base = committed(mirror, seeded(mirror), {**BASE, "conftest.py": "old"})
    added = {"tests/conftest.py": "x", "sitecustomize.py": "x", "lib/a.pth": "import x"}
    commit = committed(mirror, base, {**added, "conftest.py": "new", "b.py": "b"})
    tree, paths = without_hooks(mirror, base, commit, ())
    assert set(paths) == set(added)
    assert {file.path for file in mirror.changed_files(base, tree)} == {"conftest.py", "b.py"}
    assert without_hooks(mirror, base, commit, ("tests/**",))[1] == ("lib/a.pth", "sitecustomize.py")
