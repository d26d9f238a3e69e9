"""Tests inside Rust sources."""

from hypothesis import given
from hypothesis import strategies as st

from tests.tools.repositories import committed
from tools.git import Mirror
from tools.inline_tests import split_tests, with_inline_tests

CODE = """use std::fmt;

#[cfg(not(test))]
fn real() {}

#[derive(Debug)]
struct A;
"""
TESTS = """#[cfg(test)]
// what it is for: a comment with } in it
#[allow(unused)]
mod tests {
    const TEXT: &str = "} #[cfg(test)] mod x {";
}

#[cfg(all(test, unix))]
use std::io;

#[test]
fn alone() {}
"""


def test_test_items_are_told_from_code_with_their_attributes() -> None:
    code, tests = split_tests((CODE + TESTS + "fn last() {}\n").encode())
    assert code.split() == (CODE + "fn last() {}").encode().split()
    assert tests.split() == TESTS.encode().split()


@given(
    st.binary() | st.lists(st.sampled_from((CODE + TESTS).splitlines())).map(lambda lines: "\n".join(lines).encode())
)
def test_nothing_of_a_source_is_lost(source: bytes) -> None:
    code, tests = split_tests(source)
    assert sorted((code + tests).replace(b"\n", b"")) == sorted(source.replace(b"\n", b""))


def test_only_sources_whose_tests_differ_are_given(mirror: Mirror, first: str) -> None:
    base = committed(mirror, first, {"src/a.rs": CODE + TESTS, "src/b.rs": CODE + TESTS, "tests/c.rs": TESTS})
    more = TESTS + "#[test]\nfn more() {}\n"
    changed = {
        "src/a.rs": "fn new() {}\n" + TESTS,
        "src/b.rs": "fn new() {}\n" + more,
        "src/d.rs": more,
        "tests/c.rs": more,
    }
    found = with_inline_tests(mirror, base, committed(mirror, base, dict(changed)))
    assert set(found) == {"src/b.rs"}
    assert b"fn real" in found["src/b.rs"]
    assert b"fn more" in found["src/b.rs"]
    assert b"fn new" not in found["src/b.rs"]
