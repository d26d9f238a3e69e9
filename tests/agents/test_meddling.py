"""Which changes could alter other code, or the whole run, while tests run."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.meddling import meddles, meddling_files, outside, without_added_tests
from tests.tools.repositories import committed, new_remote, seeded
from tools.mirror import Mirror

BASE = {"prices.py": "def total():\n    return 6\n", "tests/test_x.py": ""}


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "mirror", str(new_remote(tmp_path / "remote.git")))


@pytest.mark.parametrize(
    "text",
    [
        "import prices\nprices.total = lambda: 6\n",
        "import prices as p\np.shelf.total = 6\n",
        "from unittest import TestCase\nTestCase.assertEqual = print\n",
        "import prices\ndel prices.total\n",
        "import prices\nprices.TABLE['x'] = 1\n",
        "import prices\nsetattr(prices, 'total', 6)\n",
        "import sys\nsys.modules['prices'] = None\n",
        "from unittest.mock import patch\npatch('prices.total').start()\n",
        "def test(monkeypatch):\n    pass\n",
        "def pytest_collection_modifyitems(items):\n    items.clear()\n",
        "pytest_plugins = ['evil']\n",
        "import importlib\n",
        "exec('x')\n",
        "import os\nos._exit(0)\n",
        "import atexit\n",
    ],
)
def test_python_that_could_alter_other_modules_is_told(text: str) -> None:
    assert meddles("tests/test_new.py", text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "import prices\n\n\ndef test():\n    assert prices.total() == 6\n",
        "class A:\n    def __init__(self):\n        self.x = {}\n        self.x['a'] = 1\n",
        "import prices\nshelf = prices.Shelf()\nshelf.rows = 3\n",
        "this is no code",
        "\0",
    ],
)
def test_plain_python_is_not(text: str) -> None:
    assert not meddles("tests/test_new.py", text.encode())
    assert not meddles("tests/test_new.txt", b"setattr")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a_test.go", "func TestMain(m *testing.M) { os.Exit(0) }"),
        ("a_test.go", "func init() { fmt.Println() }"),
        ("a.go", "func Add() int { os.Exit(0); return 0 }"),
        ("a.test.js", "const calc = require('../calc');\ncalc.add = () => 3;"),
        ("a.test.js", "import * as calc from './calc.js';\ncalc['add'] = () => 3;"),
        ("a.test.ts", "import calc from './calc';\nvi.mock('./calc');"),
        ("a.test.mjs", "process.on('exit', () => process.exitCode = 0)"),
        ("a.test.js", "delete require.cache[require.resolve('../calc')]"),
        ("a.test.js", "test.only('x', () => {})"),
        ("tests/a.rs", "fn main() { std::process::exit(0) }"),
        ("ATest.java", "@Test void a() { System.exit(0); }"),
        ("ATest.java", "field.setAccessible(true);"),
    ],
)
def test_other_languages_are_told_as_well(path: str, text: str) -> None:
    assert meddles(path, text.encode())


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a_test.go", "func TestAdd(t *testing.T) { if Add(1, 1) != 2 { t.Fail() } }"),
        ("a.go", "func init() {}"),
        ("a.test.js", "const calc = require('../calc');\nconst x = calc.add(1, 2) === 3;\ncalc.add(1, 2) == 3;"),
        ("a.js", "exports.add = (a, b) => a + b; const x = calc.add; x.y = 1"),
        ("a.rs", "fn add() {}"),
        ("A.java", "class A {}"),
        ("a.md", "os.Exit process.exit"),
    ],
)
def test_plain_code_of_them_is_not(path: str, text: str) -> None:
    assert not meddles(path, text.encode())


@given(st.binary(max_size=60), st.sampled_from([".py", ".go", ".js", ".rs", ".java", ".txt", ""]))
def test_any_content_is_looked_at(content: bytes, suffix: str) -> None:
    assert meddles(f"a{suffix}", content) in (True, False)


def test_only_files_of_the_change_count(mirror: Mirror) -> None:
    base = committed(mirror, seeded(mirror), {**BASE, "old.py": "import atexit\n"})
    work = committed(mirror, base, {"tests/test_new.py": "import atexit\n", "b.py": "", "old.py": None})
    assert meddling_files(mirror, base, work) == ("tests/test_new.py",)


def test_added_tests_are_taken_out_and_what_may_change_stays(mirror: Mirror) -> None:
    base = committed(mirror, seeded(mirror), BASE)
    files = {
        "tests/test_new.py": "",
        "tests/data/x.json": "{}",
        "tests/test_may.py": "",
        "new.py": "",
        "tests/test_x.py": "x",
    }
    tree = without_added_tests(mirror, base, committed(mirror, base, files), ("tests/test_may.py",))
    assert {file.path for file in mirror.changed_files(base, tree)} == {
        "tests/test_may.py",
        "new.py",
        "tests/test_x.py",
    }


def test_tests_outside_of_some_files_are_known_where_ids_name_files() -> None:
    names = ("tests.test_a.A::test_one", "tests/test_b.py::test_two")
    assert outside(names, ("tests/test_a.py",)) == names[1:]
    assert outside(("test/a.test.js::x", "test/b.test.js::y"), ("test/b.test.js",)) == ("test/a.test.js::x",)
    assert outside(names, ("tests/shelf.py",)) == ()
    assert outside(("example.com/calc::TestAdd",), ("main_test.go",)) == ()
