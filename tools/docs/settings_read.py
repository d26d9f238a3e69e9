"""Environment variables that source reads: settings that users of a program may have to know."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tools.docs.records import PublicItem

_NAME = r"([A-Z][A-Z0-9]*_[A-Z0-9_]*|[A-Z]{3,})"
_SCRIPT = re.compile(rf"process\.env(?:\.{_NAME}|\[['\"]{_NAME}['\"]\])")
_PATTERNS = {
    **dict.fromkeys((".js", ".cjs", ".mjs", ".jsx", ".ts", ".mts", ".tsx"), _SCRIPT),
    ".go": re.compile(rf"os\.(?:Getenv|LookupEnv)\(\"{_NAME}\"\)"),
    ".rs": re.compile(rf"env::var(?:_os)?\(\"{_NAME}\"\)|env!\(\"{_NAME}\"\)"),
    ".java": re.compile(rf"System\.getenv\(\"{_NAME}\"\)"),
    ".rb": re.compile(rf"ENV(?:\.fetch\(|\[)['\"]{_NAME}['\"]"),
}
_WHOLE = re.compile(_NAME)
_SYSTEM = frozenset(
    {"PATH", "HOME", "USER", "SHELL", "LANG", "TERM", "TMPDIR", "TEMP", "PWD", "EDITOR", "VISUAL", "DISPLAY", "PAGER"}
    | {"PYTHONPATH", "PYTHONHASHSEED", "VIRTUAL_ENV", "CI", "GITHUB_ACTIONS", "NODE_ENV", "NO_COLOR", "FORCE_COLOR"}
    | {"COLUMNS", "LINES", "APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"}
)
"""Variables that are the system's, not the project's."""


def settings_read(path: str, source: bytes) -> tuple[PublicItem, ...]:
    """The environment variables that a file reads."""
    suffix = PurePosixPath(path).suffix
    if suffix == ".py":
        found = _python(path, source)
    elif suffix in _PATTERNS:
        found = _by_pattern(path, source.decode("utf-8", "replace"), _PATTERNS[suffix])
    else:
        return ()
    items: dict[str, PublicItem] = {}
    for item in found:
        if item.name not in _SYSTEM:
            items.setdefault(item.name, item)
    return tuple(items.values())


def _by_pattern(path: str, text: str, pattern: re.Pattern[str]) -> Iterator[PublicItem]:
    for match in pattern.finditer(text):
        name = next(group for group in match.groups() if group)
        yield PublicItem(kind="setting", name=name, path=path, line=text.count("\n", 0, match.start()) + 1)


def _python(path: str, source: bytes) -> Iterator[PublicItem]:
    if (
        b"environ" not in source
        and b"getenv" not in source
        and b"envvar" not in source
        and b"BaseSettings" not in source
    ):
        return
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        for name in _names(node):
            if _WHOLE.fullmatch(name):
                line = getattr(node, "lineno", 1)
                yield PublicItem(kind="setting", name=name, path=path, line=line)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
        yield from _texts([node.slice])
    elif isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        if called.endswith(("environ.get", "environ.pop", "environ.setdefault", "getenv")):
            yield from _texts(node.args[:1])
        for keyword in node.keywords:
            if keyword.arg == "envvar":  # click and typer
                given = keyword.value
                yield from _texts(given.elts if isinstance(given, ast.List | ast.Tuple) else [given])
    elif isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("BaseSettings") for base in node.bases):
        yield from _fields(node)


def _fields(node: ast.ClassDef) -> Iterator[str]:
    """The variables of a pydantic settings class: its prefix and its fields."""
    match = re.search(r"env_prefix\s*=\s*['\"](\w*)['\"]", ast.unparse(node))
    prefix = match[1] if match else ""
    for inner in node.body:
        if (
            isinstance(inner, ast.AnnAssign)
            and isinstance(inner.target, ast.Name)
            and inner.target.id != "model_config"
        ):
            yield f"{prefix}{inner.target.id}".upper()


def _texts(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
