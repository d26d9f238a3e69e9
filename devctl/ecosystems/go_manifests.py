"""What `go.mod` and `go.work` say."""

import re

_REQUIRE = re.compile(r"^\s*(?:require\s+)?([A-Za-z0-9][\w.~/+-]*)\s+(v[\w.+-]+)\s*(?://\s*(indirect)?.*)?$")
_MODULE = re.compile(r"^\s*module\s+\"?([^\s\"]+)", re.MULTILINE)
_BLOCK = re.compile(r"^\s*require\s*\($")
_IMPORT = re.compile(r"^\s*(?:import\s+)?(?:[\w.]+\s+)?\"([A-Za-z0-9][\w.~/+-]*)\"\s*(?://.*)?$", re.MULTILINE)


def required_modules(text: str, indirect: bool = False) -> tuple[str, ...]:
    """The modules that a `go.mod` requires itself, as `go:path@version`."""
    found = []
    inside = False
    for line in text.splitlines():
        if _BLOCK.match(line):
            inside = True
        elif inside and line.strip() == ")":
            inside = False
        elif inside or line.lstrip().startswith("require "):
            match = _REQUIRE.match(line)
            if match and (indirect or match[3] is None):
                found.append(f"go:{match[1]}@{match[2]}")
    return tuple(dict.fromkeys(found))


def module_path(text: str) -> str:
    """The name of the module that a `go.mod` declares."""
    match = _MODULE.search(text)
    return match[1] if match else ""


def imports_of(source: str) -> set[str]:
    """The packages that a Go source seems to import; what merely looks like an import does no harm."""
    head = source[: source.find("\nfunc ")] if "\nfunc " in source else source
    return {match[1] for match in _IMPORT.finditer(head)}
