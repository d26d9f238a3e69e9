"""What counts as a change of documentation alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.repositories import committed
from tools.docs import docstrings_only
from tools.docs.comments_only import same_code
from tools.git import Mirror

SAME = [
    ("a.py", "def f():\n    return 1\n", '"""M."""\n\ndef f():\n    """Doc."""\n    # why\n    return 1\n'),
    ("a.py", 'def f():\n    """Old."""\n', 'def f():\n    """New, with `code`."""\n'),
    ("a.py", "class A:\n    x = 1  # old\n", 'class A:\n    "Ä" "b"\n\n    x = 1  # new\n'),
    ("a.pyi", "def f() -> int: ...\n", 'def f() -> int:\n    """Doc."""\n    ...\n'),
    ("a.js", "function f() { return 1 }\n", "/** Doc. */\nfunction f() { // why\n  return 1 }\n"),
    ("a.ts", "export const a: number = 1\n", "/** A. */\nexport const a: number = 1\n"),
    ("a.tsx", "const a = <b>x</b>\n", "/** A. */\nconst a = <b>x</b>\n"),
    ("a.go", "package a\n\nfunc F() {}\n", "// Package a does.\npackage a\n\n// F does.\nfunc F() {}\n"),
    ("a.rs", "fn f() {}\n", "//! Crate.\n\n/// Does.\nfn f() {}\n"),
    ("A.java", "class A { int f() { return 1; } }\n", "/** A. */\nclass A { int f() { return 1; } }\n"),
]
DIFFERENT = [
    ("a.py", "x = 1\n", "x = 2\n"),
    ("a.py", "x = 'a'\n", 'x = "a"\n'),
    ("a.py", "x = f('doc')\n", "x = f('other')\n"),
    ("a.py", "def f():\n    'doc'\n    return g('a')\n", "def f():\n    'doc'\n    return g('b')\n"),
    ("a.py", "import os\n", "import os  # noqa: F401 - kept\n"),
    ("a.py", "x = []  # type: list[int]\n", "x = []  # type: list[str]\n"),
    ("a.py", "def f():\n    pass\n", "def f():\n    raise SystemExit\n"),
    ("a.py", "def f():\n    return 1\n", "def f(:\n"),
    ("a.js", "function f() { return 1 }\n", "function f() { return\n 1 }\n"),
    ("a.js", "x = `a ${b} c`\n", "x = `a  ${b} c`\n"),
    ("a.js", "x = 'a // b'\n", "x = 'a // c'\n"),
    ("a.ts", "let a: number = 1\n", "// @ts-ignore\nlet a: number = 1\n"),
    ("a.go", "package a\n", "//go:build linux\npackage a\n"),
    ("a.go", '// #include <a.h>\nimport "C"\n', '// #include <b.h>\nimport "C"\n'),
    ("a.rs", "fn f() {}\n", "#[doc(hidden)]\nfn f() {}\n"),
    ("A.java", "class A { int f() { return 1; } }\n", "class A { int f() { return 2; } }\n"),
    ("run.sh", "# a\n", "# b\n"),
]


@pytest.mark.parametrize(("path", "before", "after"), SAME)
def test_docstrings_and_comments_leave_the_code_the_same(path: str, before: str, after: str) -> None:
    assert same_code(path, before.encode(), after.encode())
    assert same_code(path, after.encode(), before.encode())


@pytest.mark.parametrize(("path", "before", "after"), DIFFERENT)
def test_code_and_comments_that_tools_obey_are_code(path: str, before: str, after: str) -> None:
    assert not same_code(path, before.encode(), after.encode())


@given(st.text(alphabet=st.characters(exclude_characters='"\\\r\0', exclude_categories=["Cs"]), max_size=40))
def test_any_docstring_is_documentation(words: str) -> None:
    after = f'def f(a):\n    """x{words}x"""\n    return a\n'
    assert same_code("a.py", b"def f(a):\n    return a\n", after.encode())


def test_new_deleted_and_executable_source_is_no_documentation(mirror: Mirror, first: str) -> None:
    base = committed(mirror, first, {"a.py": "x = 1\n", "b.md": "b\n"})
    documented = committed(mirror, base, {"a.py": '"""Doc."""\nx = 1\n', "b.md": "more\n", "c.txt": "new\n"})
    assert docstrings_only(mirror, base, documented)
    assert not docstrings_only(mirror, base, committed(mirror, base, {"c.py": '"""Doc."""\n'}))
    assert not docstrings_only(mirror, base, committed(mirror, base, {"a.py": None}))
