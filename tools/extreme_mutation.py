"""Extreme mutation of a change: every function that it adds or alters is made to fail when it is called.

A test that passes all the same does not call what it is said to test, or something stands in its place. Functions that are
called while a file is loaded are left as they are: they would fail every test of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from tools.mirror import Mirror
from tools.repomap.languages import grammar, language_of
from tools.testpaths import is_test_path

if TYPE_CHECKING:
    from tree_sitter import Node

FILES = 200
"""The most files of a change that are mutated."""
FILE_BYTES = 1024 * 1024
MARK = "the team lets this function fail"
"""What a mutated function fails with."""
_NAME_AT_END = re.compile(r"(\w+)\W*$")
_AS_PROGRAM = re.compile(
    rb"__name__\s*==\s*[\"']__main__|[\"']__main__[\"']\s*==\s*__name__|\brequire\.main\s*===?\s*module\b"
)
_CLASSES = frozenset({"class_definition", "class_declaration", "class", "impl_item"})
_CALLS = frozenset({"call", "call_expression", "new_expression", "decorator", "method_invocation", "macro_invocation"})


class _Language(NamedTuple):
    functions: frozenset[str]
    """Kinds of nodes that are functions with a `body`."""
    fails: str
    """The statement that fails; what follows it must still compile."""


_ECMASCRIPT = _Language(
    frozenset({
        "function_declaration", "function_expression", "arrow_function", "method_definition",
        "generator_function_declaration", "generator_function",
    }),
    f'throw new Error("{MARK}");',
)  # fmt: skip
_LANGUAGES: Mapping[str, _Language] = {
    "python": _Language(frozenset({"function_definition"}), f'raise NotImplementedError("{MARK}")'),
    "javascript": _ECMASCRIPT,
    "typescript": _ECMASCRIPT,
    "tsx": _ECMASCRIPT,
    "go": _Language(frozenset({"function_declaration", "method_declaration"}), f'panic("{MARK}");'),
    "rust": _Language(frozenset({"function_item"}), f'if true {{ panic!("{MARK}") }}'),
    "java": _Language(
        frozenset({"method_declaration"}), f'if (true) throw new UnsupportedOperationException("{MARK}");'
    ),
}


class _Function(NamedTuple):
    node: Node
    names: frozenset[str]
    """Its own name and those of the classes around it."""


def mutated(mirror: Mirror, base: str, commit: str) -> str | None:
    """Return a tree like that of `commit` in which its new and altered functions fail; None where it has none."""
    changed = [file.path for file in mirror.changed_files(base, commit) if file.status != "deleted"]
    paths = [path for path in changed if language_of(path) in _LANGUAGES and not is_test_path(path)][:FILES]
    there = {entry.path for entry in mirror.files(base)}
    before = mirror.read_many(base, [path for path in paths if path in there])
    after = mirror.read_many(commit, paths)
    edits = {}
    for path, source in after.items():
        if max(len(source), len(before.get(path, b""))) <= FILE_BYTES:
            made = mutant(path, before.get(path, b""), source)
            if made != source:
                edits[path] = made
    return mirror.edit_tree(commit, edits) if edits else None


def mutant(path: str, before: bytes, source: bytes) -> bytes:
    """Return a source in which each function that `before` does not have word for word fails when it is called."""
    name = language_of(path) or ""
    language = _LANGUAGES.get(name)
    if language is None:
        return source
    root = _parsed(name, source)
    old = {function.node.text for function in _functions(_parsed(name, before), language)}
    loading = _called_while_loading(root, language)
    made = source
    inserts = [
        insert
        for function in _functions(root, language)
        if function.node.text not in old and loading.isdisjoint(function.names)
        for insert in _inserts(function.node, language, source)
    ]
    for at, text in sorted(inserts, key=lambda insert: insert[0], reverse=True):
        made = made[:at] + text + made[at:]
    return made


def _parsed(language: str, source: bytes) -> Node:
    from tree_sitter import Parser

    return Parser(grammar(language)).parse(source).root_node


def _functions(root: Node, language: _Language) -> Iterator[_Function]:
    waiting: list[tuple[Node, frozenset[str]]] = [(root, frozenset())]
    while waiting:
        node, around = waiting.pop()
        names = around | {_name(node)} if node.type in _CLASSES else around
        if (
            node.type in language.functions
            and node.child_by_field_name("body") is not None
            and not _called_at_once(node)
        ):
            yield _Function(node, names | {_name(node)})
        waiting += [(child, names) for child in node.children]


def _called_at_once(function: Node) -> bool:
    """Whether a function is called where it stands, as scripts wrap themselves in one."""
    outer = function.parent
    if outer is not None and outer.type == "parenthesized_expression":
        outer = outer.parent
    named = outer.child_by_field_name("function") if outer is not None and outer.type in _CALLS else None
    return named is not None and named.start_byte <= function.start_byte and function.end_byte <= named.end_byte


def _name(node: Node) -> str:
    """The name of a function or class; of a function that is assigned, the name that it is assigned to."""
    named = node.child_by_field_name("name") or node.child_by_field_name("type")
    if named is None and node.parent is not None:
        named = node.parent.child_by_field_name("name") or node.parent.child_by_field_name("left")
    return _last_name(named)


def _last_name(node: Node | None) -> str:
    found = _NAME_AT_END.search((node.text or b"").decode("utf-8", "replace")) if node is not None else None
    return found[1] if found else ""


def _called_while_loading(root: Node, language: _Language) -> frozenset[str]:
    """Names that are called outside of functions, and those that the functions of these names call."""
    bodies: dict[str, list[Node]] = {}
    for function in _functions(root, language):
        for name in function.names:
            bodies.setdefault(name, []).append(function.node)
    called: set[str] = set()
    new = _calls(root, language)
    while new:
        called |= new
        new = {name for one in new for node in bodies.get(one, ()) for name in _calls(node, language)} - called
    return frozenset(called)


def _calls(top: Node, language: _Language) -> set[str]:
    found: set[str] = set()
    waiting = list(top.children)
    while waiting:
        node = waiting.pop()
        if (node.type in language.functions and not _called_at_once(node)) or _is_for_a_program(node):
            continue
        if node.type in _CALLS:
            named = node.child_by_field_name("function") or node.child_by_field_name("constructor")
            found.add(
                _last_name(named or node.child_by_field_name("name") or (node if node.type == "decorator" else None))
            )
        waiting += node.children
    return found - {""}


def _is_for_a_program(node: Node) -> bool:
    """Whether this runs only where its file is started as a program: no test that loads the file does."""
    condition = node.child_by_field_name("condition") if node.type == "if_statement" else None
    return condition is not None and _AS_PROGRAM.search(condition.text or b"") is not None


def _inserts(function: Node, language: _Language, source: bytes) -> list[tuple[int, bytes]]:
    """What is written where; a body that is an expression alone gets braces."""
    body = function.child_by_field_name("body")
    assert body is not None, "functions are found by their body"  # noqa: S101 - what `_functions` promises  # nosec B101 - the same
    fails = language.fails.encode()
    if body.type == "block" and not body.text.startswith(b"{"):  # type: ignore[union-attr]  # a node of a parsed source has a text
        line = source.rfind(b"\n", 0, body.start_byte) + 1
        indent = source[line : body.start_byte]
        between = b"\n" + indent if not indent.strip() else b"; "
        return [(body.start_byte, fails + between)]
    if not (body.text or b"").startswith(b"{"):
        return [(body.start_byte, b"{ " + fails + b" return "), (body.end_byte, b" }")]
    return [(body.start_byte + 1, b" " + fails)]
