"""Functions of a change that are made to fail, language by language."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.repositories import committed, new_remote, seeded
from tools.extreme_mutation import MARK, mutant, mutated
from tools.mirror import Mirror

OLD = b"def old():\n    return 1\n"
NEW = b"""
def new(a):
    "What it does."
    if a:
        return 1
    return 2


class A:
    def one(self): return 1

    async def two(self):
        for x in []:
            yield x
"""


def test_new_and_altered_functions_of_python_fail_and_others_do_not() -> None:
    made = mutant("a.py", OLD, OLD + NEW).decode()
    ast.parse(made)
    assert made.startswith(OLD.decode())
    assert made.count(MARK) == 3
    altered = mutant("a.py", OLD, OLD.replace(b"1", b"2")).decode()
    assert altered == f'def old():\n    raise NotImplementedError("{MARK}")\n    return 2\n'


def test_what_is_called_while_a_file_is_loaded_is_left_as_it_is() -> None:
    source = (
        b"TABLE = build()\n\ndef build():\n    return deep()\n\ndef deep():\n    return 1\n\n"
        b"class B:\n    def __init__(self):\n        pass\n\nONE = B()\n\n@mark\ndef marked():\n    return 1\n\n"
        b"def mark(f):\n    return f\n\ndef later():\n    return build()\n"
    )
    made = mutant("a.py", b"", source).decode()
    assert made.count(MARK) == 2
    assert f'def marked():\n    raise NotImplementedError("{MARK}")' in made
    assert f'def later():\n    raise NotImplementedError("{MARK}")' in made


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.py", 'def main(): return parse()\n\ndef parse(): return 1\n\nif __name__ == "__main__":\n    main()\n'),
        ("a.py", "def main(): return parse()\n\ndef parse(): return 1\n\nif '__main__' == __name__: main()\n"),
        ("a.js", "function main() { parse() }\nfunction parse() {}\nif (require.main === module) main();\n"),
    ],
)
def test_what_is_called_only_where_a_file_is_started_as_a_program_fails(path: str, source: str) -> None:
    assert mutant(path, b"", source.encode()).decode().count(MARK) == 2


@pytest.mark.parametrize(
    ("path", "source", "fails"),
    [
        ("a.js", "exports.a = (x) => x + 1;", ["=> { throw", "return x + 1 };"]),
        ("a.js", "const f = function () { return 1 };", ["function () { throw"]),
        ("a.mjs", "export default class { m() { return 1 } }", ["m() { throw"]),
        ("a.js", "(function () { inner(); })();\nfunction inner() {}", []),
        ("a.ts", "export const f = async (x: number): Promise<number> => x;", ["=> { throw", "return x };"]),
        ("a.tsx", "function f() { return <b/> }", ["function f() { throw"]),
        ("a.go", "package a\n\nfunc F() int { return 1 }\n\nfunc (t T) G() {}\n", ["F() int { panic", "G() { panic"]),
        ("a.go", "package a\n\nvar x = F()\n\nfunc F() int { return 1 }\n", []),
        (
            "a.rs",
            "pub fn f() -> i32 { 1 }\nimpl A { fn g(&self) {} }\n",
            ["i32 { if true { panic!", "g(&self) { if true"],
        ),
        ("A.java", "class A { int f() { return 1; } A() { super(); } }", ["int f() { if (true) throw"]),
        ("A.java", "interface A { int f(); }", []),
        ("a.txt", "def f(): pass", []),
    ],
)
def test_functions_of_other_languages_fail(path: str, source: str, fails: list[str]) -> None:
    made = mutant(path, b"", source.encode()).decode()
    assert [part for part in fails if part not in made] == []
    assert (made == source) == (not fails)


def test_a_mutated_program_fails_where_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(mutant("a.py", OLD, OLD + NEW))
    run = subprocess.run(
        [sys.executable, "-c", "import a; print(a.old()); a.new(1)"], cwd=tmp_path, capture_output=True
    )
    assert (run.returncode, run.stdout) == (1, b"1\n")
    assert MARK.encode() in run.stderr


@given(
    st.text(alphabet="def f():\n \t@xclas=>{}()\"';", max_size=80), st.sampled_from(["a.py", "a.js", "a.go", "a.rs"])
)
def test_any_text_can_be_mutated_and_loses_nothing(text: str, path: str) -> None:
    made = mutant(path, b"", text.encode()).decode()
    left = iter(made)
    assert all(sign in left for sign in text)  # what was there stands there still, in its order


def test_a_tree_is_mutated_without_its_tests(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror", str(new_remote(tmp_path / "remote.git")))
    base = committed(mirror, seeded(mirror), {"a.py": OLD.decode(), "tests/test_a.py": ""})
    work = committed(
        mirror, base, {"a.py": OLD.decode() + "def f(): return 1\n", "tests/test_a.py": "def test(): pass\n"}
    )
    tree = mutated(mirror, base, work)
    assert tree is not None
    assert [file.path for file in mirror.changed_files(work, tree)] == ["a.py"]
    assert (
        mutated(mirror, base, committed(mirror, base, {"b.py": "X = 1\n", "tests/test_b.py": "def test(): pass\n"}))
        is None
    )
