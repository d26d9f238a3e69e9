"""What decides how a project is installed: commands, extras, the Python it needs, the packages it stands on."""

import json
import re
import tomllib
from typing import Any

from tools.docs.records import PublicItem
from tools.mirror import Mirror

_FILES = ("pyproject.toml", "package.json", "Cargo.toml")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OWN_EXTRAS = frozenset({"dev", "develop", "test", "tests", "testing", "docs", "doc", "lint", "typing"})
"""Extras for those who work on the project."""


def installing(mirror: Mirror, commit: str) -> tuple[PublicItem, ...]:
    """What users install and start by name: programs, extras, packages, the version of the language."""
    texts = mirror.read_many(commit, _FILES)
    items: list[PublicItem] = []
    for path, content in texts.items():
        text = content.decode("utf-8", "replace")
        table = _table(path, text)
        named = _python(table) if path == "pyproject.toml" else _node(table) if path == "package.json" else _rust(table)
        items += [
            PublicItem(kind="install", name=name, path=path, line=_line(text, name), text=role) for name, role in named
        ]
    return tuple(dict.fromkeys(items))


def _table(path: str, text: str) -> dict[str, Any]:
    try:
        table = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}


def _python(table: dict[str, Any]) -> list[tuple[str, str]]:
    project = _inner(table, "project")
    found = [(name, "program") for name in {**_inner(project, "scripts"), **_inner(project, "gui-scripts")}]
    extras = _inner(project, "optional-dependencies")
    found += [(name, "extra") for name in extras if name.lower() not in _OWN_EXTRAS]
    wanted = project.get("dependencies")
    lines = [line for line in wanted if isinstance(line, str)] if isinstance(wanted, list) else []
    found += [(match[0], "package") for line in lines if (match := _NAME.match(line))]
    version = re.search(r"3\.\d+", str(project.get("requires-python", "")))
    return found + ([(f"Python {version[0]}", "language")] if version else [])


def _node(table: dict[str, Any]) -> list[tuple[str, str]]:
    programs = table.get("bin")
    names = list(programs) if isinstance(programs, dict) else [str(table.get("name", ""))] if programs else []
    found = [(str(name), "program") for name in names if name]
    found += [(name, "package") for name in _inner(table, "dependencies")]
    version = re.search(r"\d+", str(_inner(table, "engines").get("node", "")))
    return found + ([(f"Node {version[0]}", "language")] if version else [])


def _rust(table: dict[str, Any]) -> list[tuple[str, str]]:
    programs = table.get("bin")
    named = [one.get("name") for one in programs if isinstance(one, dict)] if isinstance(programs, list) else []
    found = [(str(name), "program") for name in named if name]
    found += [(name, "extra") for name in _inner(table, "features") if name != "default"]
    return found + [(name, "package") for name in _inner(table, "dependencies")]


def _inner(table: dict[str, Any], name: str) -> dict[str, Any]:
    """An inner table; a stranger's file may hold anything there."""
    inner = table.get(name)
    return inner if isinstance(inner, dict) else {}


def _line(text: str, name: str) -> int:
    word = name.rpartition(" ")[2]
    found = text.find(word)
    return text.count("\n", 0, max(found, 0)) + 1
