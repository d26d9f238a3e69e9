"""Files of requirements: their includes, and what is left out of them."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_INCLUDE = re.compile(r"(-r|--requirement|-c|--constraint)[= ]\s*(\S+)")
_OPTION = re.compile(r"-{1,2}[a-zA-Z]")
_LOCAL = re.compile(r"(-e|--editable)\b|\.{1,2}(/|\[|\s|;|$)|/|file:|[^#@]*@\s*(file:|\.)")
_SELF = re.compile(r"\s*([A-Za-z0-9._-]+)\s*\[([^\]]*)\]\s*$")


class Requirements:
    """Requirements as they are found; local paths and index options are left out."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constraints: list[str] = []
        self.ignored: list[str] = []
        self.requires_python: str | None = None

    def add(self, lines: Iterable[Any], own_name: str = "", extras: Mapping[str, Any] | None = None) -> None:
        """Take requirements; one of the project's own extras stands for that extra's requirements."""
        for line in lines:
            own = _SELF.fullmatch(line) if isinstance(line, str) and own_name else None
            if own and _normal(own[1]) == _normal(own_name):
                for name in own[2].split(","):
                    self.add((extras or {}).get(name.strip(), ()))
            else:
                self.add_line(line, "declared dependencies")

    def add_line(self, line: object, source: str, constraint: bool = False) -> None:
        """Take one requirement, or note why it is left out."""
        if not isinstance(line, str):
            raise ValueError(f"a requirement is {line!r}: write a text such as 'requests>=2'")  # noqa: TRY004 - bad input
        if _LOCAL.match(line):
            self.ignored.append(f"{source}: {line}: paths are not installed, only packages are")
        elif _OPTION.match(line):
            self.ignored.append(f"{source}: {line}: the package index is chosen by the settings")
        else:
            (self.constraints if constraint else self.lines).append(line)


def read_requirement_file(
    path: Path, tree: Path, found: Requirements, constraint: bool = False, seen: tuple[Path, ...] = ()
) -> None:
    """Read one file of requirements and what it includes, all within the tree; raises ValueError."""
    resolved = path.resolve()
    if not resolved.is_relative_to(tree.resolve()):
        raise ValueError(f"{path.name} lies outside the tree")
    if resolved in seen:
        return
    name = str(resolved.relative_to(tree.resolve()))
    text = re.sub(r"\\\r?\n", " ", resolved.read_text(encoding="utf-8-sig"))
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        if not line:
            continue
        if include := _INCLUDE.match(line):
            inner = constraint or include[1] in ("-c", "--constraint")
            read_requirement_file(resolved.parent / include[2], tree, found, inner, (*seen, resolved))
        else:
            # hashes bind one file to one platform's archives; the index is trusted by the settings
            found.add_line(re.sub(r"\s--hash[= ]\S+", "", line).strip(), name, constraint)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
