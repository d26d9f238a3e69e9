"""Tests that stand inside source files, as Rust has them: `#[cfg(test)]` modules."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tools.mirror import Mirror
from tools.testpaths import is_test_path

if TYPE_CHECKING:
    from tree_sitter import Node

FILES = 200
"""The most source files of a change that are taken apart."""
FILE_BYTES = 1024 * 1024
_TEST = re.compile(rb"\btest\b")
_NOT_TEST = re.compile(rb"\bnot\s*\(\s*test\b")


def with_inline_tests(mirror: Mirror, base: str, commit: str) -> Mapping[str, bytes]:
    """The base's changed Rust sources with the change's tests in place of their own, by path.

    Files whose tests are the same, and files that the base does not have, are left out.
    """
    there = {entry.path for entry in mirror.files(base)}
    changed = [file.path for file in mirror.changed_files(base, commit)]
    paths = [path for path in changed if path.endswith(".rs") and path in there and not is_test_path(path)][:FILES]
    before, after = mirror.read_many(base, paths), mirror.read_many(commit, paths)
    found = {}
    for path in paths:
        if path in before and path in after and max(len(before[path]), len(after[path])) <= FILE_BYTES:
            code, old = split_tests(before[path])
            tests = split_tests(after[path])[1]
            if tests != old:
                found[path] = code + b"\n" + tests
    return found


def split_tests(source: bytes) -> tuple[bytes, bytes]:
    """A Rust source without its top-level test items, and those items."""
    import tree_sitter_rust
    from tree_sitter import Language, Parser

    root = Parser(Language(tree_sitter_rust.language())).parse(source).root_node
    code, tests = [], []
    at = 0
    for begin, end in _test_items(root.children):
        code.append(source[at:begin])
        tests.append(source[begin:end] + b"\n")
        at = end
    return b"".join((*code, source[at:])), b"".join(tests)


def _test_items(children: "list[Node]") -> list[tuple[int, int]]:
    """Where test items stand, with the attributes before them."""
    found = []
    attributes: list[Node] = []
    for node in children:
        if node.type == "attribute_item":
            attributes.append(node)
        elif node.type not in {"line_comment", "block_comment"}:
            if any(_is_test(attribute) for attribute in attributes):
                found.append((attributes[0].start_byte, node.end_byte))
            attributes = []
    return found


def _is_test(attribute: "Node") -> bool:
    text = attribute.text or b""
    return _TEST.search(text) is not None and _NOT_TEST.search(text) is None
