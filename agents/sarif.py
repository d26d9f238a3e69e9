"""The review as SARIF: the findings of the linters and of the model, each at its line."""

from __future__ import annotations

from collections.abc import Sequence

from agents.findings import Finding, Severity
from tools.lint import LintReport
from tools.mirror import Mirror
from tools.sarif import Level, SarifFinding, lint_results, write_sarif

REVIEWER = "roadcrew-reviewer"
_LEVELS: dict[Severity, Level] = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}


def review_sarif(
    mirror: Mirror, span: tuple[str, str], findings: Sequence[Finding], lint: LintReport, about: str
) -> str:
    """Return the SARIF log of a review of the change from the first to the second commit of `span`."""
    base, commit = span
    there = {entry.path for entry in mirror.files(commit)}
    texts = mirror.read_many(commit, sorted({finding.path for finding in findings} & there))
    changed = mirror.changed_lines(base, commit)
    results = [
        _result_of(finding, texts.get(finding.path, b""), changed.get(finding.path, frozenset()))
        for finding in findings
    ]
    return write_sarif([*lint_results(lint), *results], tools=(REVIEWER,), about=about)


def _result_of(finding: Finding, text: bytes, changed: frozenset[int]) -> SarifFinding:
    return SarifFinding(
        tool=REVIEWER,
        rule="blocking" if finding.blocks else "remark",
        level=_LEVELS[finding.severity],
        message=f"{finding.title}: {finding.failure}",
        path=finding.path,
        line=_line_of(finding.quote, text, changed),
        id=finding.id,
    )


def _line_of(quote: str, text: bytes, changed: frozenset[int]) -> int | None:
    """Return where the quoted line stands, a changed one first; None when the change removed it."""
    wanted = {quote.strip(), quote.strip().removeprefix("+").strip()}
    lines = text.decode("utf-8", "replace").splitlines()
    found = [number for number, line in enumerate(lines, start=1) if line.strip() in wanted]
    return next((number for number in found if number in changed), found[0] if found else None)
