"""Making findings of what linters print; lines that are something else are passed over."""

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from tools.lint_report import LintFinding, LintTool, Severity

FINDINGS = 5_000
"""The most findings that are read of one linter."""
MESSAGE_CHARACTERS = 500
_BIOME = re.compile(r"::(?P<level>error|warning|notice) (?P<where>.+?)::(?P<message>.*)")
_TSC = re.compile(r"(?P<path>[^()]+)\((?P<line>\d+),\d+\): error (?P<rule>TS\d+): (?P<message>.*)")
_VET = re.compile(r"(?:vet: )?(?P<path>[^\s:]+\.go):(?P<line>\d+)(?::\d+)?: (?P<message>.*)")
_NODE = re.compile(r"(?P<path>/?[^\s:][^:]*\.[cm]?js):(?P<line>\d+)")
_NODE_ERROR = re.compile(r"SyntaxError: (.*)")
_NOT_ERRORS = ("Cannot use import statement outside a module", "Unexpected token 'export'", "import.meta")
"""What node says of modules whose package does not call them so: they may be for a bundler."""
_RUSTFMT = re.compile(r"Diff in (?P<path>.+?)(?::| at line )(?P<line>\d+):?")
_FILE = re.compile(r"diff (?:-u )?(?P<path>.+?)\.orig .*")
_HUNK = re.compile(r"@@ -(?P<line>\d+)(?:,\d+)? \+\d+(?:,\d+)? @@.*")


class _Loose(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _EslintMessage(_Loose):
    ruleId: str | None = None  # noqa: N815 - eslint's name
    severity: int = 1
    message: str = ""
    line: int = 1


class _EslintFile(_Loose):
    filePath: str  # noqa: N815 - eslint's name
    messages: list[_EslintMessage] = []


def eslint(output: str, root: str) -> list[LintFinding]:
    """Read eslint's JSON."""
    try:
        files = TypeAdapter(list[_EslintFile]).validate_python(json.loads(output))
    except (ValueError, ValidationError, RecursionError):
        return []
    return [
        _finding("eslint", file.filePath, root, one.line, one.ruleId or "syntax", one.message, _of_eslint(one))
        for file in files
        for one in file.messages
    ][:FINDINGS]


def _of_eslint(message: _EslintMessage) -> Severity:
    return "high" if message.ruleId is None else "medium" if message.severity == 2 else "low"


def biome(output: str, root: str) -> list[LintFinding]:
    """Read biome's lines for a code host: `::error title=RULE,file=PATH,line=N,…::MESSAGE`."""
    found = []
    for line in output.splitlines():
        match = _BIOME.match(line.strip())
        where = dict(part.split("=", 1) for part in match["where"].split(",") if "=" in part) if match else {}
        if match and "file" in where and where.get("line", "").isdigit():
            severity: Severity = "medium" if match["level"] == "error" else "low"
            rule = where.get("title", "biome")
            found.append(_finding("biome", where["file"], root, int(where["line"]), rule, match["message"], severity))
    return found[:FINDINGS]


def tsc(output: str, root: str) -> list[LintFinding]:
    """Read the compiler's errors."""
    matches = _matches(_TSC, output)
    return [_finding("tsc", m["path"], root, int(m["line"]), m["rule"], m["message"], "high") for m in matches]


def vet(output: str, root: str) -> list[LintFinding]:
    """Read what go vet says, errors of the compiler among it."""
    return [
        _finding("vet", m["path"], root, int(m["line"]), "vet", m["message"], "medium") for m in _matches(_VET, output)
    ]


def node(output: str, root: str) -> list[LintFinding]:
    """Read the syntax errors of node: the place, then the line itself, then the error."""
    found = []
    place: re.Match[str] | None = None
    for line in output.splitlines():
        if error := _NODE_ERROR.match(line):
            if place and not any(words in error[1] for words in _NOT_ERRORS):
                found.append(_finding("node", place["path"], root, int(place["line"]), "syntax", error[1], "high"))
            place = None
        elif match := _NODE.fullmatch(line):
            place = match
    return found[:FINDINGS]


def gofmt(output: str, root: str) -> list[LintFinding]:
    """Read gofmt's diff: one finding for each line that it would change or add to."""
    return _formatted(output, root, "gofmt", (_FILE, _HUNK))


def rustfmt(output: str, root: str) -> list[LintFinding]:
    """Read the diff of `cargo fmt --check`, in the same way."""
    return _formatted(output, root, "rustfmt", (_RUSTFMT, _RUSTFMT))


def _formatted(
    output: str, root: str, tool: LintTool, heads: tuple[re.Pattern[str], re.Pattern[str]]
) -> list[LintFinding]:
    """The old lines that a diff takes out or adds after; `heads` give its files and where its parts begin."""
    lines: dict[tuple[str, int], None] = {}
    path, at = "", 0
    for line in output.splitlines():
        file, part = heads[0].fullmatch(line), heads[1].fullmatch(line)
        path = file["path"] if file else path
        if part:
            at = int(part["line"])
        elif file or line.startswith(("---", "+++", "\\")):
            continue
        elif line.startswith("-"):
            lines[path, at] = None
            at += 1
        elif line.startswith("+"):
            lines[path, at - 1] = None
        else:
            at += 1
    message = f"the line is not formatted as {tool} does"
    return [_finding(tool, path, root, at, tool, message, "low") for path, at in lines if path][:FINDINGS]


class _Code(_Loose):
    code: str


class _Span(_Loose):
    file_name: str
    line_start: int
    is_primary: bool = False


class _RustMessage(_Loose):
    message: str
    level: str
    code: _Code | None = None
    spans: list[_Span] = []


class _CargoLine(_Loose):
    reason: str
    message: _RustMessage | None = None


def clippy(output: str, root: str) -> list[LintFinding]:
    """Read cargo's JSON lines: what clippy and the compiler say."""
    found = []
    for line in output.splitlines():
        try:
            told = _CargoLine.model_validate_json(line).message if line.startswith("{") else None
        except ValidationError:
            continue
        span = next((span for span in told.spans if span.is_primary), None) if told else None
        if told and span:
            rule = told.code.code if told.code else "rustc"
            severity: Severity = "high" if told.level == "error" else "medium"
            found.append(_finding("clippy", span.file_name, root, span.line_start, rule, told.message, severity))
    return found[:FINDINGS]


def _matches(pattern: re.Pattern[str], output: str) -> Iterator[re.Match[str]]:
    found = (pattern.fullmatch(line.strip()) for line in output.splitlines())
    return (match for _, match in zip(range(FINDINGS), filter(None, found), strict=False))


def _finding(
    tool: LintTool, path: str, root: str, line: int, rule: str, message: str, severity: Severity
) -> LintFinding:
    """A finding in one line, its path relative to `root`."""
    relative = PurePosixPath(path)
    if relative.is_absolute() and relative.is_relative_to(root):
        relative = relative.relative_to(root)
    return LintFinding(
        path=str(relative),
        line=max(1, line),
        rule=" ".join(rule.split())[:100] or tool,
        severity=severity,
        message=" ".join(message.split())[:MESSAGE_CHARACTERS],
        tool=tool,
    )
