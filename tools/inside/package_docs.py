"""Says what an installed Python package tells of itself, read without importing any of it; stands alone.

Usage: package_docs.py NAME [SYMBOL]. Prints one JSON object: `error`, or `name`, `version`, `summary`, `readme` and
`modules`; for a symbol also `place`, `kind`, `signature`, `docstring` and `source`. It runs on the environment's own
Python, 3.9 or later.
"""

from __future__ import annotations

import ast
import importlib.metadata
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

README = 30_000
SOURCE = 20_000
LARGEST = 5 * 1024 * 1024
MODULES = 200
HOPS = 12
"""Imports and base classes that are followed from a name to its definition."""

Told = dict[str, Any]
Modules = dict[str, Path]


class Name(NamedTuple):
    """A dotted name in a module, and how much further it may be followed."""

    module: str
    parts: tuple[str, ...]
    hops: int


def main(arguments: list[str]) -> None:
    """Print what is known of a package, and of one of its names."""
    distribution = find(arguments[0])
    if distribution is None:
        sys.stdout.write(json.dumps({"error": f"{arguments[0]!r} is not installed here"}))
        return
    modules = modules_of(distribution)
    told: Told = {
        "name": str(distribution.metadata["Name"]),
        "version": distribution.version,
        "summary": distribution.metadata["Summary"] or "",
        "readme": readme_of(distribution)[:README],
        "modules": sorted(modules)[:MODULES],
    }
    if len(arguments) > 1 and arguments[1]:
        missing = f"{arguments[1]!r} is not defined in this package as far as its source tells"
        told.update(look_up(modules, arguments[1]) or {"error": missing})
    sys.stdout.write(json.dumps(told))


def find(name: str) -> importlib.metadata.Distribution | None:
    """Return the installed distribution of this name, or the one that brings a module of this name."""
    try:
        return importlib.metadata.distribution(name)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        pass
    for distribution in importlib.metadata.distributions():
        if any(module.partition(".")[0] == name for module in modules_of(distribution)):
            return distribution
    return None


def readme_of(distribution: importlib.metadata.Distribution) -> str:
    """Return the long description: the body of the metadata, or its field in the older form."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    body = text.partition("\n\n")[2]
    return body if body.strip() else str(distribution.metadata["Description"] or "")


def modules_of(distribution: importlib.metadata.Distribution) -> Modules:
    """Return the modules by their dotted names; a stub stands for a module without source."""
    modules: Modules = {}
    for file in distribution.files or ():
        parts = [*file.parts[:-1], file.stem]
        if file.suffix not in (".py", ".pyi"):
            continue
        if parts[-1] == "__init__":
            parts.pop()
        dotted = ".".join(parts)
        if parts and all(part.isidentifier() for part in parts) and (file.suffix == ".py" or dotted not in modules):
            modules[dotted] = Path(str(distribution.locate_file(file)))
    return modules


def look_up(modules: Modules, symbol: str) -> Told | None:
    """Return what is told of a dotted name, with its module in front, whole or in part, or without."""
    tops = sorted({module.partition(".")[0] for module in modules})
    for dotted in (symbol, *(f"{top}.{symbol}" for top in tops)):
        whole = tuple(dotted.split("."))
        for count in range(len(whole), 0, -1):
            module = ".".join(whole[:count])
            found = in_module(modules, Name(module, whole[count:], HOPS)) if module in modules else None
            if found:
                return found
    parts = tuple(symbol.split("."))
    for module in sorted(modules, key=lambda dotted: (dotted.count("."), dotted)):
        found = in_module(modules, Name(module, parts, HOPS))
        if found:
            return found
    return None


def in_module(modules: Modules, name: Name) -> Told | None:
    """Return what is told of nested names in a module, its imports and base classes followed."""
    path = modules[name.module]
    text = read(path)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    if not name.parts:
        about = ast.get_docstring(tree) or ""
        return {"place": str(path), "kind": "module", "signature": name.module, "docstring": about, "source": ""}
    node = definition(tree, name.parts)
    if node is not None:
        return described(path, text, node)
    for target, parts in elsewhere(tree, name, path.stem == "__init__") if name.hops else ():
        if target in modules:
            found = in_module(modules, Name(target, parts, name.hops - 1))
            if found:
                return found
    return None


def elsewhere(tree: ast.Module, name: Name, package: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield where a name may come from: a base class of its owner, or another module."""
    if len(name.parts) > 1:
        owner = definition(tree, name.parts[:-1])
        for base in owner.bases if isinstance(owner, ast.ClassDef) else ():
            yield name.module, (*ast.unparse(base).partition("[")[0].split("."), name.parts[-1])
    above = name.module.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            kept = above[: len(above) - node.level + (1 if package else 0)] if node.level else []
            origin = ".".join([*kept, *([node.module] if node.module else [])])
            for alias in node.names:
                if (alias.asname or alias.name) == name.parts[0]:
                    yield f"{origin}.{alias.name}", name.parts[1:]
                    yield origin, (alias.name, *name.parts[1:])
                elif alias.name == "*":
                    yield origin, name.parts


def definition(tree: ast.AST, parts: tuple[str, ...]) -> ast.stmt | None:
    """Return the statement that defines nested names: a function, a class or an assignment."""
    node: ast.AST = tree
    for part in parts:
        inner = next((inner for inner in statements(node) if part in names_of(inner)), None)
        if inner is None:
            return None
        node = inner
    return node if isinstance(node, ast.stmt) else None


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements of a block, those under `if` and `try` included."""
    for inner in getattr(node, "body", ()):
        yield inner
        if isinstance(inner, (ast.If, ast.Try)):
            yield from statements(inner)
            yield from inner.orelse
            for handler in getattr(inner, "handlers", ()):
                yield from statements(handler)


def names_of(node: ast.stmt) -> set[str]:
    """Return the names that a statement defines."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def described(path: Path, text: str, node: ast.stmt) -> Told:
    """Return what is told of a definition."""
    names = {ast.ClassDef: "class", ast.FunctionDef: "function", ast.AsyncFunctionDef: "function"}
    decorators = getattr(node, "decorator_list", ())
    first = min([node.lineno, *(one.lineno for one in decorators)])
    documented = isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    return {
        "place": f"{path}:{first}",
        "kind": names.get(type(node), "value"),
        "signature": signature_of(node),
        "docstring": (ast.get_docstring(node) or "") if documented else "",  # type: ignore[arg-type] # checked above
        "source": "\n".join(text.splitlines()[first - 1 : node.end_lineno])[:SOURCE],
    }


def signature_of(node: ast.stmt) -> str:
    """Return the head of a definition; of a class also those of its public methods."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        return f"def {node.name}({ast.unparse(node.args)}){returns}"
    if isinstance(node, ast.ClassDef):
        bases = ", ".join([*map(ast.unparse, node.bases), *map(ast.unparse, node.keywords)])
        methods = [
            f"    {signature_of(inner)}"
            for inner in node.body
            if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef))
            and (not inner.name.startswith("_") or inner.name == "__init__")
        ]
        return "\n".join([f"class {node.name}({bases})", *methods])
    return ast.unparse(node)[:500]


def read(path: Path) -> str:
    """Return a module's source, empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.stat().st_size <= LARGEST else ""
    except OSError:
        return ""


if __name__ == "__main__":
    main(sys.argv[1:])
