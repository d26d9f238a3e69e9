"""Write the module map into ARCHITECTURE.md from the code, or check that it is in step.

python -m scripts.architecture            write it
python -m scripts.architecture --check    exit 1 when it differs
"""

import ast
import sys
from pathlib import Path

from scripts.source import ROOMS, ROOT, python_files

BEGIN = "<!-- module map: begin (written by scripts/architecture.py) -->"
END = "<!-- module map: end -->"


def module_map(root: Path = ROOT) -> str:
    """Return the map as Markdown: per room a table of its modules, what each is, and the rooms it imports."""
    modules = [path for path in python_files(root) if path.parts[0] in ROOMS]
    parts = []
    for room in ROOMS:
        rows = [_row(root, path) for path in modules if path.parts[0] == room]
        parts.append("\n".join([f"### {room}", "", "| module | what it is | imports |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def _row(root: Path, path: Path) -> str:
    tree = ast.parse((root / path).read_text(encoding="utf-8"), str(path))
    summary = (ast.get_docstring(tree) or "").partition("\n")[0].replace("|", "\\|")
    imports = ", ".join(room for room in ROOMS if room in _imported_rooms(tree) and room != path.parts[0])
    return f"| `{path.as_posix()}` | {summary} | {imports} |"


def _imported_rooms(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names & set(ROOMS)


def with_map(page: str, module_map: str) -> str:
    """Return the page with the map between its two marks, raising ValueError when a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"ARCHITECTURE.md lacks the line {BEGIN if not begin else END!r}")
    return f"{before}{BEGIN}\n\n{module_map}\n\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the map, or with --check only compare; 1 when they differ."""
    target = ROOT / "ARCHITECTURE.md"
    page = target.read_text(encoding="utf-8")
    wanted = with_map(page, module_map())
    if wanted == page:
        return 0
    if "--check" in arguments:
        print("ARCHITECTURE.md is out of step with the code: run .venv/bin/python -m scripts.architecture")
        return 1
    target.write_text(wanted, encoding="utf-8")
    print("wrote the module map of ARCHITECTURE.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
