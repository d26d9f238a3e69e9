"""Whether a change of code touches its documentation alone: docstrings and comments that no tool obeys.

Python is judged by its syntax tree and its tokens, JavaScript, TypeScript, Go, Rust and Java by the trees that
tree-sitter makes. What cannot be read, or is in another language, is never called documentation.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tools.errors import ObjectMissing
from tools.mirror import Mirror

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

PYTHON = (".py", ".pyi")
GRAMMARS = {
    ".js": ("tree_sitter_javascript", "language"),
    ".cjs": ("tree_sitter_javascript", "language"),
    ".mjs": ("tree_sitter_javascript", "language"),
    ".jsx": ("tree_sitter_javascript", "language"),
    ".ts": ("tree_sitter_typescript", "language_typescript"),
    ".mts": ("tree_sitter_typescript", "language_typescript"),
    ".cts": ("tree_sitter_typescript", "language_typescript"),
    ".tsx": ("tree_sitter_typescript", "language_tsx"),
    ".go": ("tree_sitter_go", "language"),
    ".rs": ("tree_sitter_rust", "language"),
    ".java": ("tree_sitter_java", "language"),
}
DIRECTIVE = re.compile(
    r"#!|\bcoding[:=]|\btype:|\bnoqa\b|\bpragma\b|\bpylint:|\bfmt:|\bisort:|\bmypy:|\bpyright:|\bruff:|\bnosec\b"
    r"|\bnolint\b|\beslint|@ts-|@jsx|@flow|\bprettier-ignore|\bistanbul\b|\bv8 ignore|\bc8 ignore|\bwebpack|@vite-"
    r"|^//go:|^//export\b|^//line\b|^// ?\+build|^/// <|\bsourceMappingURL|\bNOSONAR\b|\bCHECKSTYLE|\bspotless:"
)
"""Comments that a tool obeys: they are code."""
_LAYOUT = frozenset({tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING})
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_MOST_BYTES = 2_000_000


def docstrings_only(mirror: Mirror, base: str, commit: str) -> bool:
    """Whether all source files in which two commits differ, differ in docstrings and comments only.

    A source file that is new, deleted or of another mode makes it False. Files in other languages are not
    looked at: whether they are documentation is told by their paths.
    """
    files = [file for file in mirror.changed_files(base, commit) if is_read(file.path)]
    if any(file.status != "modified" or file.binary or file.old_mode != file.new_mode for file in files):
        return False
    try:
        return all(same_code(file.path, mirror.read(base, file.path), mirror.read(commit, file.path)) for file in files)
    except ObjectMissing:  # a name that git cannot be asked for
        return False


def is_read(path: str) -> bool:
    """Whether a file is source in a language that is read here."""
    return PurePosixPath(path).suffix.lower() in {*PYTHON, *GRAMMARS}


def same_code(path: str, before: bytes, after: bytes) -> bool:
    """Whether two texts of a file are the same program."""
    if max(len(before), len(after)) > _MOST_BYTES:
        return False
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in PYTHON:
        return _same_python(before, after)
    if suffix in GRAMMARS:
        return _same_tree(suffix, before, after)
    return False


def _same_python(before: bytes, after: bytes) -> bool:
    try:
        trees = [ast.parse(text) for text in (before, after)]
        tokens = [_tokens(text, _docstrings(tree)) for text, tree in zip((before, after), trees, strict=True)]
        dumps = [ast.dump(_without_docstrings(tree)) for tree in trees]
    except (SyntaxError, ValueError, RecursionError, tokenize.TokenError):
        return False
    return dumps[0] == dumps[1] and tokens[0] == tokens[1]


def _docstrings(tree: ast.Module) -> set[tuple[int, int]]:
    """Where the docstrings begin: line and byte offset."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, _DOCUMENTED) and _has_docstring(node)]
    return {(node.body[0].lineno, node.body[0].col_offset) for node in nodes}


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    first = node.body[0] if node.body else None
    value = first.value if isinstance(first, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and _has_docstring(node):
            node.body = node.body[1:]
    return tree


def _tokens(source: bytes, docstrings: set[tuple[int, int]]) -> list[tuple[int, str]]:
    """The tokens without layout, docstrings and comments for people."""
    lines = source.splitlines(keepends=True)
    kept: list[tuple[int, str]] = []
    inside = False
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        row, column = token.start
        if token.type == tokenize.STRING:
            offset = len(token.line[:column].encode()) if row <= len(lines) else column
            inside = inside or (row, offset) in docstrings  # a docstring may be written as several strings
            if inside:
                continue
        elif token.type not in _LAYOUT and token.type != tokenize.COMMENT:
            inside = False
        if token.type == tokenize.NEWLINE:
            inside = False
        if token.type in _LAYOUT or (token.type == tokenize.COMMENT and not DIRECTIVE.search(token.string)):
            continue
        kept.append((token.type, token.string))
    return kept


def _same_tree(suffix: str, before: bytes, after: bytes) -> bool:
    roots = [_parser(suffix).parse(text).root_node for text in (before, after)]
    if any(root.has_error for root in roots):
        return False
    if suffix == ".go" and any(b'import "C"' in text for text in (before, after)):
        return False  # the comment before it is C
    return list(_leaves(roots[0])) == list(_leaves(roots[1]))


def _leaves(root: "Node") -> Iterator[tuple[str, bytes]]:
    """The tree in order, its shape and its words, without comments for people."""
    stack: list[Node | tuple[str, bytes]] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            yield node
            continue
        text = node.text or b""
        if "comment" in node.type:
            if DIRECTIVE.search(text.decode("utf-8", "replace")):
                yield "directive", text
        elif node.child_count == 0:
            if text.strip():
                yield node.type, text
        else:
            stack.append((")", b""))
            stack += reversed(_children(node, text))
            stack.append(("(", node.type.encode()))


def _children(node: "Node", text: bytes) -> "list[Node | tuple[str, bytes]]":
    """A node's children, and the text between them that no child holds."""
    found: list[Node | tuple[str, bytes]] = []
    position = node.start_byte
    verbatim = "string" in node.type or "template" in node.type or "jsx" in node.type
    for child in [*node.children, None]:
        end = child.start_byte if child is not None else node.end_byte
        between = text[position - node.start_byte : end - node.start_byte]
        if between.strip() or (verbatim and between):
            found.append(("between", between))
        if child is not None:
            found.append(child)
            position = child.end_byte
    return found


@cache
def _parser(suffix: str) -> "Parser":
    from tree_sitter import Language, Parser

    module, function = GRAMMARS[suffix]
    return Parser(Language(getattr(import_module(module), function)()))
