"""Print the ten longest files and functions, so that they are seen."""

import ast
from pathlib import Path

from scripts.source import ROOT, python_files


def file_lengths(root: Path = ROOT) -> list[tuple[int, str]]:
    """Return (lines, path) of every module, longest first."""
    return sorted(((_lines(root / path), str(path)) for path in python_files(root)), reverse=True)


def function_lengths(root: Path = ROOT) -> list[tuple[int, str]]:
    """Return (lines, path:line name) of every function, longest first; decorators and docstrings count."""
    found = []
    for path in python_files(root):
        for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8"), str(path))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                found.append((length, f"{path}:{node.lineno} {node.name}"))
    return sorted(found, reverse=True)


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def main() -> None:
    """Print both lists."""
    for title, lengths in (("longest files", file_lengths()), ("longest functions", function_lengths())):
        print(f"{title}:")
        for length, name in lengths[:10]:
            print(f"  {length:5d}  {name}")


if __name__ == "__main__":
    main()
