"""HTTP routes that web frameworks define in source: Flask, FastAPI and their like in Python, Express in JavaScript."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tools.docs.records import PublicItem

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_SCRIPTS = frozenset({".js", ".cjs", ".mjs", ".ts", ".mts", ".cts"})
_EXPRESS = re.compile(
    r"\b(?:app|router|api|server|\w+Router)\s*\.\s*(get|post|put|patch|delete)\s*\(\s*(['\"`])(/[^'\"`\n]*)\2\s*,"
)
_FRAMEWORKS = (b"flask", b"fastapi", b"starlette", b"quart", b"litestar", b"bottle", b"sanic", b"apiflask")
_FLASK_PART = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_EXPRESS_PART = re.compile(r":(\w+)\??")
_STARLETTE_PART = re.compile(r"\{(\w+):\w+\}")


def routes(path: str, source: bytes) -> tuple[PublicItem, ...]:
    """The routes that a file defines, as `GET /items/{id}`; prefixes given in the same file are put before."""
    if path.endswith(".py") and any(name in source for name in _FRAMEWORKS):
        return _unique(_python(path, source))
    if PurePosixPath(path).suffix in _SCRIPTS and (b"express" in source or b"outer" in source or b"fastify" in source):
        return _unique(_express(path, source.decode("utf-8", "replace")))
    return ()


def plain_path(path: str) -> str:
    """A route's path in OpenAPI's way of writing: `/items/{id}`."""
    path = _EXPRESS_PART.sub(r"{\1}", _FLASK_PART.sub(r"{\1}", path)) if "<" in path or "/:" in path else path
    return _STARLETTE_PART.sub(r"{\1}", path)


def _unique(found: Iterator[PublicItem]) -> tuple[PublicItem, ...]:
    return tuple({item.name: item for item in found}.values())


def _python(path: str, source: bytes) -> Iterator[PublicItem]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    prefixes = _prefixes(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute):
                    yield from _decorated(mark, mark.func, node, path, prefixes)


def _decorated(
    mark: ast.Call,
    function: ast.Attribute,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    path: str,
    prefixes: dict[str, str],
) -> Iterator[PublicItem]:
    place = mark.args[0] if mark.args else next((k.value for k in mark.keywords if k.arg in {"path", "rule"}), None)
    text = place.value if isinstance(place, ast.Constant) else None
    hidden = any(k.arg == "include_in_schema" and ast.unparse(k.value) == "False" for k in mark.keywords)
    if not isinstance(text, str) or not (text == "" or text.startswith("/")) or hidden:
        return
    if function.attr in METHODS:
        verbs = [function.attr]
    elif function.attr in {"route", "api_route"}:
        verbs = _verbs(mark)
    else:
        return
    whole = plain_path(prefixes.get(ast.unparse(function.value), "") + text) or "/"
    words = ast.get_docstring(node) or ""
    for verb in verbs:
        name = f"{verb.upper()} {whole}"
        yield PublicItem(kind="route", name=name, path=path, line=node.lineno, documented=bool(words), text=words)


def _verbs(mark: ast.Call) -> list[str]:
    for keyword in mark.keywords:
        if keyword.arg == "methods" and isinstance(keyword.value, ast.List | ast.Tuple | ast.Set):
            return [
                one.value for one in keyword.value.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
    return ["get"]


def _prefixes(tree: ast.Module) -> dict[str, str]:
    """Variables that hold a router or blueprint, with the prefix it was made with."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            for keyword in node.value.keywords:
                given = keyword.value
                if keyword.arg in {"prefix", "url_prefix"} and isinstance(given, ast.Constant):
                    found |= {ast.unparse(target): str(given.value or "") for target in node.targets}
    return found


def _express(path: str, source: str) -> Iterator[PublicItem]:
    for match in _EXPRESS.finditer(source):
        line = source.count("\n", 0, match.start()) + 1
        yield PublicItem(kind="route", name=f"{match[1].upper()} {plain_path(match[3])}", path=path, line=line)
