"""What a sign-off must rest on beyond the Reviewer's word: a model can be talked into anything by what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from agents.findings import ClaimedFinding as Claim
from agents.findings import Finding, MetPoint, OpenFindingVerdict, ReviewReply, changed_lines, finding_of
from agents.threads import Record
from prompts import visible
from tools.lint import LintFinding, LintReport
from tools.lint_report import LintTool
from tools.patch import Diff

STATIC: frozenset[LintTool] = frozenset({"ruff", "bandit", "node"})
"""Linters whose high findings send a change back by themselves: each means code that cannot run or a security hole."""
UNCHANGED = "unchanged:"
"""Begins what shows that a file was left as it was."""
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


def too_long(change: Diff, limit: int) -> Finding:
    """Return the finding that sends back a change of which the Reviewer cannot read all."""
    longest = max(change.files, key=lambda file: file.additions + file.deletions)
    return finding_of(
        Claim(
            path=longest.path,
            quote="",
            severity="high",
            title="The change is too long to be read whole",
            failure=f"{change.verdict}: a review reads {limit:,} characters of a diff, so parts of it would go unread.",
            suggestion="Hand in less: take out what is generated or copied, or have the task split.",
        ),
        prefix="L",
    )


class Evidence(Record):
    """What a point of a task may be shown by."""

    diff: str
    changed: frozenset[str] = frozenset()
    """All paths that the change touches, also where the diff is cut."""
    proven_by: tuple[str, ...] = ()
    """Ids of tests that fail without the change and pass with it."""
    commands: tuple[str, ...] = ()
    """Commands that the Tester ran and that ended well."""

    def problem(self, met: MetPoint, point: str) -> str:
        """What is wrong with what is given for a point; empty where it shows it."""
        quote = visible(met.quote).strip()
        bare = quote.removeprefix("`").removesuffix("`")
        plain = quote[1:].strip() if quote[:1] in ("+", "-") else quote
        if {quote, plain} & self.lines or self._is_test(bare) or self._is_about(bare, point):
            return ""
        return (
            f"done: point {met.point} quotes {met.quote[:80]!r}, which is neither a whole changed line nor a test that"
            " proves the change; a command that ran well and `unchanged: PATH` show a point that names just that"
        )

    @cached_property
    def lines(self) -> set[str]:
        """The changed lines that say something."""
        return {line for one in changed_lines(self.diff) if _tells(line := visible(one[1:]).strip())}

    def _is_test(self, name: str) -> bool:
        """Whether one test alone has the name, whole or behind its file or class."""
        return bool(name) and (
            name in self.proven_by or sum(one.rpartition("::")[2] == name for one in self.proven_by) == 1
        )

    def _is_about(self, quote: str, point: str) -> bool:
        """Whether a point names a command that ended well, or a file that was left as it was."""
        path = quote.removeprefix(UNCHANGED).strip(" `")
        if quote.startswith(UNCHANGED):
            return bool(path) and path in point and path not in self.changed
        return quote in self.commands and quote in point


def unmet(reply: ReviewReply, points: Sequence[str], evidence: Evidence) -> list[str]:
    """Return what a sign-off lacks: each point of the task needs something of the evidence that shows it.

    A change without a line that could be quoted (binary files, renames) needs none.
    """
    if not evidence.lines and not evidence.proven_by:
        return []
    shown = {met.point: met for met in reply.done}
    problems = [
        f"done: say for point {number} by which changed line or test it is met, or report what is missing as a finding"
        for number in range(1, len(points) + 1)
        if number not in shown
    ]
    given = {number: point for number, point in enumerate(points, start=1)}
    problems += [evidence.problem(met, given.get(met.point, "")) for met in reply.done]
    return [problem for problem in problems if problem]


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
