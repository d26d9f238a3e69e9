"""The documentation that an installed package brings along, read inside the environment without running the package."""

from __future__ import annotations

import json
import re
import secrets
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tools.errors import SourceRefused
from tools.research.node_registry import NAME as NODE_NAME
from tools.research.source import Reading
from tools.research.values import array, table, text

if TYPE_CHECKING:
    from tools.worktree import WorkTree

SECONDS = 30.0
PART = 60_000
"""Bytes read of one file of a Node package."""
CONTEXT = 25
"""Lines shown after each place of a symbol in type definitions."""
PLACES = 6
PYTHON_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
GO_PACKAGE = re.compile(r"(?!-)[A-Za-z0-9][\w.~-]*(/[A-Za-z0-9_][\w.~-]*){0,20}")
GO_SYMBOL = re.compile(r"[A-Za-z_]\w{0,100}(\.[A-Za-z_]\w{0,100})?")
GO_OFFLINE = 'PATH="$PATH:/usr/local/go/bin" GOPROXY=off GOTOOLCHAIN=local GOFLAGS=-mod=readonly'
GO_SECONDS = 60.0
_GO_FAULT = re.compile(r"doc: |.*command not found|go: |.*: not found|no required module|package .* is not in std")
SYMBOL = re.compile(r"[A-Za-z_$][\w$.]{0,200}")
_READER = Path(__file__).parent.parent / "inside" / "package_docs.py"
_ROOT = 'for root in node_modules $(printf %s "$NODE_PATH" | tr : " "); do if [ -f "$root/$1/package.json" ]; then echo "$root"; exit 0; fi; done'


def python_docs(worktree: WorkTree, name: str, symbol: str = "") -> Reading:
    """Return what an installed Python package says; raises SourceRefused where it or the symbol is not there."""
    if not PYTHON_NAME.fullmatch(name) or (symbol and not SYMBOL.fullmatch(symbol)):
        raise SourceRefused(f"{name!r} {symbol!r} cannot be looked up", "give a package, and a dotted name in it")
    place = f".git/roadcrew-{secrets.token_hex(8)}"
    worktree.put_private(place, _READER.read_bytes())
    ran = worktree.exec(f"python -I {place} {shlex.quote(name)} {shlex.quote(symbol)} 2>/dev/null", seconds=SECONDS)
    worktree.take_private(place)
    lines = ran.output.splitlines()
    try:
        told = table(json.loads(lines[-1])) if lines else {}
    except ValueError:
        told = {}
    if not told:
        raise SourceRefused("the environment's Python says nothing of its packages", "look with bash")
    if error := text(told.get("error")):
        raise SourceRefused(error[:300], "check the name with `pip list`, or look with bash")
    if symbol:
        parts = [
            text(told.get("place")),
            text(told.get("signature")),
            text(told.get("docstring")),
            text(told.get("source")),
        ]
    else:
        modules = ", ".join(text(module) for module in array(told.get("modules")))
        parts = [text(told.get("summary")), f"Modules: {modules}", text(told.get("readme"))]
    version = f"{text(told.get('name'))} {text(told.get('version'))}"
    return Reading(
        kind="documentation",
        title=f"{symbol} of {version}" if symbol else version,
        address=f"{version} (Python), installed in the environment",
        text="\n\n".join(part for part in parts if part),
    )


def node_docs(worktree: WorkTree, name: str, symbol: str = "") -> Reading:
    """Return what an installed Node package says; raises SourceRefused where it or the symbol is not there."""
    if not NODE_NAME.fullmatch(name) or (symbol and not SYMBOL.fullmatch(symbol)):
        raise SourceRefused(f"{name!r} {symbol!r} cannot be looked up", "give a package, and a name in it")
    root = worktree.exec(f"set -- {shlex.quote(name)}; {_ROOT}", seconds=SECONDS).output.strip()
    if not root:
        raise SourceRefused(f"{name!r} is not installed here", "look with `ls node_modules`")
    folder = f"{root}/{name}"
    try:
        about = table(json.loads(_part(worktree, f"{folder}/package.json")))
    except ValueError as fault:
        raise SourceRefused(f"the package.json of {name} cannot be read", "look with bash") from fault
    types = text(about.get("types")) or text(about.get("typings")) or "index.d.ts"
    definitions = _part(worktree, f"{folder}/{types}")
    if symbol:
        shown = _around(definitions, symbol.rpartition(".")[2])
        if not shown:
            raise SourceRefused(f"{symbol!r} does not stand in {types}", "look with grep")
        parts = [f"{types}:", shown]
    else:
        parts = [text(about.get("description")), _part(worktree, f"{folder}/README.md"), f"{types}:", definitions]
    version = f"{name} {text(about.get('version'))}"
    return Reading(
        kind="documentation",
        title=f"{symbol} of {version}" if symbol else version,
        address=f"{version} (Node), installed in the environment",
        text="\n\n".join(part for part in parts if part.strip()),
    )


def go_docs(worktree: WorkTree, name: str, symbol: str = "") -> Reading:
    """Return what a Go package says, of the standard library or of a module in the cache, as `go doc` prints it.

    Raises SourceRefused where go, the package or the symbol is not there. Nothing is fetched and nothing is run of it.
    """
    if not GO_PACKAGE.fullmatch(name) or (symbol and not GO_SYMBOL.fullmatch(symbol)):
        raise SourceRefused(
            f"{name!r} {symbol!r} cannot be looked up", "give a package's import path, and a name in it"
        )
    said = f"{shlex.quote(name)} {shlex.quote(symbol)}" if symbol else shlex.quote(name)
    shown = "-src" if symbol else "-all"
    ran = worktree.exec(f"{GO_OFFLINE} go doc {shown} {said} 2>&1 | head -c {PART}", seconds=GO_SECONDS)
    if not ran.output.strip() or _GO_FAULT.match(ran.output):
        told = ran.output.strip().splitlines()
        raise SourceRefused((told[0] if told else "go doc says nothing")[:300], "look with bash: `go list -deps ./...`")
    listed = worktree.exec(
        f"{GO_OFFLINE} go list -f '{{{{with .Module}}}}{{{{.Path}}}} {{{{.Version}}}}{{{{end}}}}' {shlex.quote(name)} 2>/dev/null",
        seconds=GO_SECONDS,
    )
    version = listed.output.strip()[:200] or "the standard library, or this repository"
    return Reading(
        kind="documentation",
        title=f"{symbol} of {name}" if symbol else name,
        address=f"{name} (Go), {version}, in the environment",
        text=ran.output,
    )


def _part(worktree: WorkTree, path: str) -> str:
    """The first part of a file, empty where there is none; read inside, so that no link leads out."""
    return worktree.exec(f"head -c {PART} -- {shlex.quote(path)} 2>/dev/null", seconds=SECONDS).output


def _around(definitions: str, name: str) -> str:
    lines = definitions.splitlines()
    word = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])")
    places = [number for number, line in enumerate(lines) if word.search(line)][:PLACES]
    shown = sorted({near for place in places for near in range(max(0, place - 3), min(len(lines), place + CONTEXT))})
    return "\n".join(f"{number + 1}: {lines[number]}" for number in shown)
