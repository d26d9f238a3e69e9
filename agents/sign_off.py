"""What a sign-off must rest on beyond the Reviewer's word: a model can be talked into anything by what it reads."""

from __future__ import annotations

from collections.abc import Sequence

from agents.findings import ClaimedFinding as Claim
from agents.findings import Finding, MetPoint, OpenFindingVerdict, ReviewReply, changed_lines, finding_of
from prompts import visible
from tools.lint import LintFinding, LintReport
from tools.lint_report import LintTool

STATIC: frozenset[LintTool] = frozenset({"ruff", "bandit", "node"})
"""Linters whose high findings send a change back by themselves: each means code that cannot run or a security hole."""
LETTERS = 3
"""Letters and digits that a quoted line must have at least: a lone brace shows nothing."""


def static_findings(lint: LintReport, texts: dict[str, str]) -> list[Finding]:
    """Return the high findings of the linters; `texts` are the changed files, for the lines to quote."""
    return [_finding_of(found, texts) for found in lint.findings if found.severity == "high" and found.tool in STATIC]


def _finding_of(found: LintFinding, texts: dict[str, str]) -> Finding:
    lines = texts.get(found.path, "").splitlines()
    quote = lines[found.line - 1] if found.line <= len(lines) else f"line {found.line}"
    return finding_of(
        Claim(
            path=found.path,
            quote=quote,
            severity="high",
            title=f"{found.tool} {found.rule}",
            failure=found.message,
            suggestion="Mend the line; a comment that silences the linter does not count.",
        ),
        prefix="L",
    )


def unmet(reply: ReviewReply, points: Sequence[str], diff: str, proven_by: Sequence[str]) -> list[str]:
    """Return what a sign-off lacks: each point of the task needs a changed line, or a proving test, that shows it.

    A change without a line that could be quoted (binary files, renames) needs none.
    """
    lines = {visible(line[1:]).strip() for line in changed_lines(diff)}
    known = {line for line in lines if _tells(line)} | {name.strip() for name in proven_by}
    if not known:
        return []
    shown = {met.point: met for met in reply.done}
    problems = [
        f"done: say for point {number} by which changed line or test it is met, or report what is missing as a finding"
        for number in range(1, len(points) + 1)
        if number not in shown
    ]
    return problems + [_unquoted(met) for met in reply.done if not _quotes(met, known)]


def _quotes(met: MetPoint, known: set[str]) -> bool:
    quote = visible(met.quote).strip()
    return bool({quote, quote[1:].strip() if quote[:1] in ("+", "-") else quote} & known)


def _unquoted(met: MetPoint) -> str:
    return (
        f"done: point {met.point} quotes {met.quote[:80]!r}, which is neither a whole changed line nor a test that"
        " proves the change"
    )


def _tells(line: str) -> bool:
    return sum(character.isalnum() for character in line) >= LETTERS


def vanished(earlier: Sequence[Finding], verdicts: Sequence[OpenFindingVerdict], since_diff: str) -> list[str]:
    """Return what is wrong with blocking findings that are called resolved where their code stands as it stood.

    Resolved is what changed: the file that the finding quotes, or a line elsewhere that the reason quotes whole.
    """
    called = {verdict.id: verdict for verdict in verdicts if verdict.state == "resolved"}
    lines = [visible(line[1:]).strip() for line in changed_lines(since_diff)]
    told = [line for line in lines if _tells(line)]
    return [
        f"earlier: {finding.id} cannot be resolved: {finding.path} has not changed since, and the reason quotes no line"
        " that has; say that it is open, or quote the changed line that resolves it"
        for finding in earlier
        if finding.blocks
        and finding.id in called
        and not changed_lines(since_diff, finding.path)
        and not any(line in called[finding.id].reason for line in told)
    ]
