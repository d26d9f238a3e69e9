"""What linters say about a change, in one form for all of them."""

from typing import Literal, get_args

from tools.record import Record

FINDINGS_SHOWN = 100

Severity = Literal["low", "medium", "high"]
LintTool = Literal["ruff", "bandit", "eslint", "biome", "node", "tsc", "gofmt", "vet", "clippy", "rustfmt"]


class LintFinding(Record):
    """One thing that a linter says about a changed line."""

    path: str
    line: int
    """From 1."""
    rule: str
    severity: Severity
    message: str
    tool: LintTool


class LintReport(Record):
    """What the linters say about a change."""

    findings: tuple[LintFinding, ...] = ()
    """On changed lines only, by path and line."""
    files: int = 0
    """How many files were looked at."""
    notes: tuple[str, ...] = ()
    """What could not be looked at, and why."""

    @property
    def clean(self) -> bool:
        """Whether there is no finding."""
        return not self.findings

    @property
    def verdict(self) -> str:
        """One line; the same for the same result."""
        if not self.files:
            return (
                "lint: no linter looked at the change" if self.notes else "lint: no file is changed that a linter reads"
            )
        counts = {tool: sum(found.tool == tool for found in self.findings) for tool in get_args(LintTool)}
        words = [f"{count} from {tool}" for tool, count in counts.items() if count]
        high = sum(found.severity == "high" for found in self.findings)
        words += [f"{high} of them high"] if high else []
        return f"lint: {', '.join(words)}" if words else "lint: clean"

    @property
    def text(self) -> str:
        """The findings, one a line, as people read them."""
        lines = [f"{f.path}:{f.line}: {f.rule} ({f.severity}) {f.message}" for f in self.findings[:FINDINGS_SHOWN]]
        rest = len(self.findings) - FINDINGS_SHOWN
        return "\n".join([*lines, *([f"[… {rest} more]"] if rest > 0 else []), *self.notes])

    def joined(self, other: "LintReport") -> "LintReport":
        """Both reports as one."""
        findings = {*self.findings, *other.findings}
        return LintReport(
            findings=tuple(sorted(findings, key=lambda found: (found.path, found.line, found.tool, found.rule))),
            files=self.files + other.files,
            notes=(*self.notes, *other.notes),
        )
