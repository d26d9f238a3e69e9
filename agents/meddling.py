"""Changes that could alter other code, or the run as a whole, while tests run: told from their syntax.

Telling is no judgement: what such a change says of its tests is tried again, without what it adds to the tests, and
with its own functions made to fail.
"""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

from tools.mirror import Mirror
from tools.testpaths import is_test_path, matches

MEDDLING = frozenset({
    "setattr", "delattr", "__setattr__", "__dict__", "__code__", "modules", "meta_path", "path_hooks", "globals", "vars",
    "exec", "eval", "__import__", "importlib", "builtins", "ctypes", "gc", "inspect", "monkeypatch", "patch", "settrace",
    "load_tests", "setUpModule", "atexit", "_exit", "exit", "kill", "pytest_plugins", "mocker", "setprofile",
})  # fmt: skip
"""Names by which Python code reaches into other modules, or into how tests are collected and ended."""
HOOK_NAME = re.compile(r"pytest_\w+")
"""Functions that pytest calls by their name, wherever they are registered."""

_GO = re.compile(rb"\bfunc\s+(TestMain|init)\s*\(|\b(os|syscall)\.(Exit|Kill|Stdout)\b|\bunsafe\b|\bgo:linkname\b")
_ECMASCRIPT = re.compile(
    rb"\brequire\.cache\b|\bModule\._|\bnode:module\b|\bmock\.(module|method|fn)\b|\b(jest|vi|sinon|td)\.\w+|\bproxyquire\b"
    rb"|\bprocess\.(exit|exitCode|reallyExit|abort|kill|on|once|stdout|binding)\b|\bglobalThis\b|\bglobal\.|\b__proto__\b"
    rb"|\.prototype\b|\bObject\.(assign|definePropert)|\bsetPrototypeOf\b|\beval\(|\bnew Function\b|\b(test|it|describe)\.only\b"
)
_IMPORTED = re.compile(
    rb"\b(?:const|let|var)\s+(\w+)\s*=\s*(?:await\s+)?(?:require|import)\s*\(|\bimport\s+(?:\w+\s*,\s*)?(?:\*\s+as\s+)?(\w+)\s+from\b"
)
_RUST = re.compile(
    rb"\bprocess::(exit|abort)\b|\b_exit\b|\bctor\b|\btest_runner\b|\bcustom_test_frameworks\b|\bstdout\(\)"
)
_JVM = re.compile(
    rb"\bSystem\.(exit|setOut|setErr)\b|\.halt\(|\bsetAccessible\b|\bmockStatic\b|\bMockedConstruction\b|\bPowerMock|\bWhitebox\b"
    rb"|\baddShutdownHook\b|\bUnsafe\b|\bInstrumentation\b"
)
_WAYS = {
    ".go": _GO,
    ".rs": _RUST,
    **dict.fromkeys((".java", ".kt", ".groovy", ".scala"), _JVM),
    **dict.fromkeys((".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx"), _ECMASCRIPT),
}


def meddling_files(mirror: Mirror, base: str, commit: str) -> tuple[str, ...]:
    """Return the files of a change that could alter other code, or the whole run, while tests run."""
    files = [file.path for file in mirror.changed_files(base, commit) if file.status != "deleted"]
    texts = mirror.read_many(commit, [path for path in files if PurePosixPath(path).suffix in {".py", *_WAYS}])
    return tuple(path for path, content in texts.items() if meddles(path, content))


def meddles(path: str, content: bytes) -> bool:
    """Whether a source has a way by which it could alter other code, or end or forge the run."""
    suffix = PurePosixPath(path).suffix
    if suffix == ".py":
        return _meddles_in_python(content)
    ways = _WAYS.get(suffix)
    if ways is None:
        return False
    if suffix == ".go" and not path.endswith("_test.go"):
        return re.search(rb"\bos\.Exit\b|\bsyscall\b|\bunsafe\b|\bgo:linkname\b", content) is not None
    return ways.search(content) is not None or (ways is _ECMASCRIPT and _sets_what_it_imports(content))


def without_added_tests(mirror: Mirror, base: str, commit: str, may_change: tuple[str, ...]) -> str:
    """Return a tree like that of `commit` without the files that it adds to the tests, save those it may change."""
    files = [file for file in mirror.changed_files(base, commit) if file.status == "added"]
    added = [file.path for file in files if is_test_path(file.path) and not matches(file.path, may_change)]
    return mirror.graft(commit, base, added)


def outside(names: tuple[str, ...], files: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tests that stand in none of these files; none at all where that cannot be told.

    It is told from the id of a test, in which runners of Python and JavaScript name the file, and only where each of the
    files is a test by its own name: of a helper nobody knows which tests it serves.
    """
    stems = [path.rpartition(".")[0].replace("/", ".") for path in files]
    told = all(re.search(r"(^|[._/-])(test|spec)s?([._-]|$)", path.rpartition("/")[2]) for path in files)
    if not told or not all(path.endswith((".py", *_scripts())) for path in files):
        return ()
    return tuple(name for name in names if not any(name.replace("/", ".").startswith(stem) for stem in stems))


def _scripts() -> tuple[str, ...]:
    return tuple(suffix for suffix, ways in _WAYS.items() if ways is _ECMASCRIPT)


def _sets_what_it_imports(content: bytes) -> bool:
    imported = {name for found in _IMPORTED.finditer(content) for name in found.groups() if name}
    return any(
        re.search(rb"(?<![\w.])" + name + rb"(\.\w+|\[[^\]]*\])+\s*[-+*/|&?]*=(?![=>])", content) for name in imported
    )


def _meddles_in_python(content: bytes) -> bool:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return False  # it cannot run either
    nodes = list(ast.walk(tree))
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    return any(_names_a_way(node) or _changes(node, imported) for node in nodes)


def _names_a_way(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = {alias.name.partition(".")[0] for alias in node.names} | {getattr(node, "module", None) or ""}
        return not names.isdisjoint(MEDDLING)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
        return not arguments.isdisjoint(MEDDLING) or node.name in MEDDLING or HOOK_NAME.fullmatch(node.name) is not None
    return (isinstance(node, ast.Name) and node.id in MEDDLING) or (
        isinstance(node, ast.Attribute) and node.attr in MEDDLING
    )


def _changes(node: ast.AST, imported: set[str]) -> bool:
    if not isinstance(node, ast.Attribute | ast.Subscript) or not isinstance(node.ctx, ast.Store | ast.Del):
        return False
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute | ast.Subscript):
        inner = inner.value
    return isinstance(inner, ast.Name) and inner.id in imported
