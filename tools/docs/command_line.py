"""Options and commands that Python programs define with argparse, click or typer, as far as the source tells."""

import ast
import re
from collections.abc import Iterator

from tools.docs.records import PublicItem, PublicKind

_LONG = re.compile(r"--[A-Za-z][\w-]*")
_LIBRARIES = ("argparse", "click", "typer", "optparse", "asyncclick", "rich_click", "cyclopts")
_EVERYWHERE = frozenset({"--help", "--version"})


def command_line_items(path: str, source: bytes) -> tuple[PublicItem, ...]:
    """The long options and subcommands that a module defines; none where it uses no library for them."""
    if not any(name.encode() in source for name in _LIBRARIES):
        return ()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    found = {(item.kind, item.name): item for item in _items(tree, path)}
    return tuple(found.values())


def _items(tree: ast.Module, path: str) -> Iterator[PublicItem]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node, path)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _of_function(node, path)


def _of_call(node: ast.Call, path: str) -> Iterator[PublicItem]:
    name = _called(node)
    if name in {"add_argument", "add_option", "option", "Option"} and not _is_hidden(node):
        for text in _strings(node):
            # click writes `--on/--off` for the two sides of a switch
            for option in _LONG.findall(text) if text.startswith("-") else ():
                if option not in _EVERYWHERE:
                    yield _item("option", option, path, node)
    elif name == "add_parser":
        for text in _strings(node)[:1]:
            yield _item("command", text, path, node)


def _of_function(node: ast.FunctionDef | ast.AsyncFunctionDef, path: str) -> Iterator[PublicItem]:
    """Commands by decorator, and the options that typer makes of a command's keyword parameters."""
    for mark in node.decorator_list:
        call = mark if isinstance(mark, ast.Call) else None
        name = _called(call) if call else mark.attr if isinstance(mark, ast.Attribute) else ""
        if name != "command" or (call is not None and _is_hidden(call)):
            continue
        given = _strings(call)[:1] if call else []
        title = given[0] if given else node.name.rstrip("_").replace("_", "-")
        item = _item("command", title, path, node)
        yield item.model_copy(update={"documented": item.documented or ast.get_docstring(node) is not None})


def _item(
    kind: PublicKind, name: str, path: str, node: ast.Call | ast.FunctionDef | ast.AsyncFunctionDef
) -> PublicItem:
    text = _help(node) if isinstance(node, ast.Call) else ast.get_docstring(node) or ""
    return PublicItem(kind=kind, name=name, path=path, line=node.lineno, documented=bool(text), text=text)


def _called(node: ast.Call) -> str:
    function = node.func
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def _strings(node: ast.Call) -> list[str]:
    return [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def _help(node: ast.Call) -> str:
    for keyword in node.keywords:
        if keyword.arg in {"help", "description", "short_help"}:
            return keyword.value.value if isinstance(keyword.value, ast.Constant) and isinstance(
                keyword.value.value, str) else ast.unparse(keyword.value)  # fmt: skip
    return ""


def _is_hidden(node: ast.Call) -> bool:
    """Whether people are not meant to see it: click's `hidden=True`, argparse's `help=SUPPRESS`."""
    for keyword in node.keywords:
        if keyword.arg == "hidden" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True:
            return True
        if keyword.arg == "help" and ast.unparse(keyword.value).endswith("SUPPRESS"):
            return True
    return False
