"""The languages that the map reads: which files are theirs, their grammar, our query for each."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language

VERSION = 2
"""Raised whenever a query or the extraction changes: what was kept before is then read anew."""

LANGUAGES = {
    ".py": "python",
    ".pyi": "python",
    ".js": "javascript",
    ".cjs": "javascript",
    ".mjs": "javascript",
    ".jsx": "javascript",
    ".ts": "typescript",
    ".cts": "typescript",
    ".mts": "typescript",
    ".tsx": "tsx",
    ".go": "go",
    ".rs": "rust",
    ".java": "java",
    ".c": "c",
    ".h": "cpp",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".cxx": "cpp",
    ".hh": "cpp",
    ".hpp": "cpp",
    ".hxx": "cpp",
    ".cs": "c_sharp",
    ".rb": "ruby",
    ".php": "php",
}
_GRAMMARS = {
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "php": ("tree_sitter_php", "language_php"),
}
_QUERIES = {
    "typescript": ("ecmascript", "typescript"),
    "tsx": ("ecmascript", "typescript", "jsx"),
    "javascript": ("ecmascript", "javascript", "jsx"),
    "cpp": ("c", "cpp"),
}


def language_of(path: str) -> str | None:
    """The language of a file by its name, or None for one that the map does not read."""
    stem, dot, suffix = path.rpartition("/")[2].rpartition(".")
    return LANGUAGES.get(f".{suffix.lower()}") if stem and dot else None


@cache
def grammar(language: str) -> Language:
    """The grammar of a language; loaded at first use."""
    from tree_sitter import Language as Loaded

    module, function = _GRAMMARS.get(language, (f"tree_sitter_{language}", "language"))
    return Loaded(getattr(importlib.import_module(module), function)())


@cache
def query_text(language: str) -> str:
    """Our query of a language: `@definition.KIND` with its `@name`, and `@reference`."""
    folder = Path(__file__).parent / "queries"
    names = _QUERIES.get(language, (language,))
    return "\n".join((folder / f"{name}.scm").read_text(encoding="utf-8") for name in names)
