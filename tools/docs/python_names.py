"""The public names of Python source, read from its syntax tree: modules, functions, classes and their methods."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tools.docs.records import PublicItem, PublicKind
from tools.testpaths import is_test_path

_ROOTS = ("src", "lib", "python")
_OUTSIDE = frozenset({"docs", "doc", "examples", "example", "scripts", "benchmarks", "bench", "migrations", "tools"})
"""Folders at the root whose names nobody imports."""
_FILES = frozenset({"setup.py", "conftest.py", "noxfile.py", "tasks.py", "manage.py", "fabfile.py", "conf.py"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_public_module(path: str) -> bool:
    """Whether a file is a module that users import: no test, no script, no private name on the way."""
    parts = PurePosixPath(path).parts
    if not path.endswith(".py") or is_test_path(path) or parts[-1] in _FILES or parts[-1] == "__main__.py":
        return False
    if len(parts) > 1 and parts[0] in _OUTSIDE:
        return False
    names = [part.removesuffix(".py") for part in parts]
    return not any(name.startswith("_") and name != "__init__" for name in names)


def module_name(path: str) -> str:
    """The dotted name under which a file is imported, as far as its path tells."""
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if len(parts) > 1 and parts[0] in _ROOTS:
        parts = parts[1:]
    if len(parts) > 1 and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)


def public_names(path: str, source: bytes) -> tuple[PublicItem, ...]:
    """The public functions, classes and methods that a module defines; none for what is no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    prefix, listed = module_name(path), _listed(tree)
    return tuple(_items(tree, prefix, path, listed))


def _items(tree: ast.Module, prefix: str, path: str, listed: frozenset[str] | None) -> Iterator[PublicItem]:
    for node in tree.body:
        if not isinstance(node, Function | ast.ClassDef):
            continue
        if node.name not in listed if listed is not None else node.name.startswith("_"):
            continue
        if isinstance(node, ast.ClassDef):
            yield _item("class", node, f"{prefix}.{node.name}", path, _init_parameters(node))
            yield from _methods(node, f"{prefix}.{node.name}", path)
        elif not _is_hidden(node):
            yield _item("function", node, f"{prefix}.{node.name}", path, _parameters(node))


def _methods(owner: ast.ClassDef, prefix: str, path: str) -> Iterator[PublicItem]:
    for node in owner.body:
        if isinstance(node, Function) and not node.name.startswith("_") and not _is_hidden(node):
            static = any(isinstance(mark, ast.Name) and mark.id == "staticmethod" for mark in node.decorator_list)
            parameters = _parameters(node)
            yield _item("method", node, f"{prefix}.{node.name}", path, parameters if static else parameters[1:])


def _item(
    kind: PublicKind, node: Function | ast.ClassDef, name: str, path: str, parameters: tuple[str, ...]
) -> PublicItem:
    text = ast.get_docstring(node) or ""
    return PublicItem(
        kind=kind, name=name, path=path, line=node.lineno, parameters=parameters, documented=bool(text), text=text
    )


def _is_hidden(node: Function) -> bool:
    """Whether a definition says the same as another: an overload, a setter, an override of a documented method."""
    marks = {ast.unparse(mark).rpartition(".")[2] for mark in node.decorator_list}
    return bool(marks & {"overload", "setter", "deleter", "override"})


def _init_parameters(node: ast.ClassDef) -> tuple[str, ...]:
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            return _parameters(inner)[1:]
    return ()


def _parameters(node: Function) -> tuple[str, ...]:
    """The parameters with their defaults; annotations change nothing for callers."""
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(plain) - len(given.defaults)) + list(given.defaults)
    found = [_parameter(one, default) for one, default in zip(plain, defaults, strict=True)]
    found += [f"*{given.vararg.arg}"] if given.vararg else []
    found += [_parameter(one, default) for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    return (*found, *([f"**{given.kwarg.arg}"] if given.kwarg else []))


def _parameter(one: ast.arg, default: ast.expr | None) -> str:
    return one.arg if default is None else f"{one.arg}={ast.unparse(default)}"


def bare(parameter: str) -> str:
    """A parameter's name alone."""
    return parameter.partition("=")[0].lstrip("*")


def _listed(tree: ast.Module) -> frozenset[str] | None:
    """The names of a literal `__all__`, or None where there is none that can be read."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            value = node.value if isinstance(node, ast.Assign) else None
            if isinstance(value, ast.List | ast.Tuple):
                return frozenset(
                    item.value for item in value.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)
                )
    return None
