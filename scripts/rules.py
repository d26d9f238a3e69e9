"""Rules of the house that no linter knows; prints each breach with its place and exits 1."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.source import ROOMS, ROOT, project_files, python_files

VAGUE_MODULES = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}

FORBIDDEN_TEXT = (
    (
        re.compile(r"(?<![\w.])/(?:work/(?:main|notes|shared)|home/[a-z]+/|root/)"),
        "names a path of one machine",
    ),
    (
        re.compile(r"(?:pypi|pythonhosted|npmjs|crates|golang|maven)[.](?:org|io|com)\b"),
        "names a registry host",
    ),
    (re.compile(r"\b(?:TODO|FIXME|XXX)\b(?=[:( ])"), "leaves work undone in the code: file an issue"),
    (
        re.compile(r"\bfarm-[a-z]+\b|\b(?:as an|language) AI\b|\bAI (?:assistant|model)\b"),
        "is not about the project",
    ),
)
"""What no text of the project says, with what is wrong about it; the patterns do not match themselves."""

TEXT_SUFFIXES = {
    "",
    ".py",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".json",
    ".cypher",
    ".rego",
    ".sql",
    ".html",
    ".css",
}
OWN_WORDS = {Path("scripts/rules.py"), Path("tests/house/test_rules.py")}


def environment_reads(root: Path = ROOT) -> Iterator[str]:
    """Yield each reading of the environment in a room outside its settings modules."""
    for path in python_files(root):
        if path.parts[0] not in ROOMS or path.name == "settings.py":
            continue
        for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8"), str(path))):
            if _reads_environment(node):
                yield f"{path}:{getattr(node, 'lineno', 0)} reads the environment: take it from a settings object"


def _reads_environment(node: ast.AST) -> bool:
    """Whether a node is `os.environ` and its like; the `environ` of a web request is another one."""
    names = {"environ", "environb", "getenv"}
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and any(alias.name in names for alias in node.names)
    return (
        isinstance(node, ast.Attribute)
        and node.attr in names
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    )


def vague_names(root: Path = ROOT) -> Iterator[str]:
    """Yield each module whose name does not say what the thing is."""
    for path in python_files(root):
        if path.stem in VAGUE_MODULES:
            yield f"{path} has a name that says nothing: put it beside its caller, or name the thing"


def forbidden_words(root: Path = ROOT) -> Iterator[str]:
    """Yield each line that says what no text of the project should say."""
    for path in project_files(root):
        if path.suffix not in TEXT_SUFFIXES or path in OWN_WORDS:
            continue
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            for pattern, fault in FORBIDDEN_TEXT:
                found = pattern.search(line)
                if found:
                    yield f"{path}:{number} {fault}: {found.group()!r}"


def unexplained_silence(root: Path = ROOT) -> Iterator[str]:
    """Yield each silenced finding of a checker that gives no reason on its line."""
    silence = re.compile(r"#\s*(?:noqa|type:\s*ignore|nosec)(?P<codes>[^#]*)(?P<reason>#.*)?$")
    for path in python_files(root):
        for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), start=1):
            found = silence.search(line)
            if found and not found["reason"] and " - " not in found["codes"]:
                yield f"{path}:{number} silences a checker without a reason on the same line"


def main() -> int:
    """Print every breach; 0 when there is none."""
    checks = (environment_reads, vague_names, forbidden_words, unexplained_silence)
    breaches = [breach for check in checks for breach in check()]
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
