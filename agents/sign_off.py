"""What a sign-off must rest on beyond the Reviewer's word: a model can be talked into anything by what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from agents.findings import ClaimedFinding as Claim
from agents.findings import Finding, MetPoint, OpenFindingVerdict, ReviewReply, changed_lines, finding_of
from agents.review_parts import MOST, PART
from agents.threads import Record
from prompts import visible
from tools.lint import LintFinding, LintReport
from tools.lint_report import LintTool

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


def joined_reply(replies: Sequence[ReviewReply]) -> ReviewReply:
    """Return what was said of a change's parts as one reply on the whole."""
    return ReviewReply(
        summary="\n".join(f"Part {number}: {reply.summary}" for number, reply in enumerate(replies, start=1)),
        done=list({met.point: met for reply in replies for met in reply.done}.values()),
        earlier=list({verdict.id: verdict for reply in replies for verdict in reply.earlier}.values()),
        findings=[finding for reply in replies for finding in reply.findings],
    )


def unshown(reply: ReviewReply, points: Sequence[str], path: str) -> tuple[Finding, ...]:
    """Return a finding, at a path of the change, for the points of the task that no part of it was said to meet."""
    shown = {met.point for met in reply.done}
    lacking = [number for number in range(1, len(points) + 1) if number not in shown]
    if not lacking:
        return ()
    named = "; ".join(points[number - 1] for number in lacking)
    failure = f"Read part by part, nothing was found for: {named}"
    cure = "Do it, or hand in a smaller change that can be read at once."
    return (_about_the_review(path, "No part of the change shows what is to be done", failure, cure),)


def too_long(beyond: Sequence[str]) -> tuple[Finding, ...]:
    """Return the finding that sends back a change of which these files go unread."""
    if not beyond:
        return ()
    named = ", ".join(beyond[:20]) + (f" and {len(beyond) - 20} more" if beyond[20:] else "")
    failure = f"Nobody has looked at all of {named}: a review reads at most {MOST} parts of {PART:,} characters."
    cure = "Hand in less: take out what is generated or copied, or have the task split."
    return (_about_the_review(beyond[0], "The change is too long to be read whole", failure, cure),)


def _about_the_review(path: str, title: str, failure: str, suggestion: str) -> Finding:
    """A finding of this program about the review itself; it is made anew in each round."""
    claim = Claim(path=path, quote="", severity="high", title=title, failure=failure, suggestion=suggestion)
    return finding_of(claim, prefix="L")


def by_function(tests: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of tests, those that differ in their parameters alone as one: `tests.a::test_b[x]` without `[x]`."""
    groups: dict[str, list[str]] = {}
    for test in tests:
        groups.setdefault(test.partition("[")[0] if test.endswith("]") else test, []).append(test)
    return tuple(group[0] if len(group) == 1 else name for name, group in groups.items())


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
        """Whether one test alone has the name, whole or behind its file or class, with or without its parameters."""
        for names in (self.proven_by, by_function(self.proven_by)):
            if name and (name in names or sum(one.rpartition("::")[2] == name for one in names) == 1):
                return True
        return False

    def _is_about(self, quote: str, point: str) -> bool:
        """Whether a point names a command that ended well, or a file that was left as it was."""
        path = quote.removeprefix(UNCHANGED).strip(" `")
        if quote.startswith(UNCHANGED):
            return bool(path) and path in point and path not in self.changed
        return quote in self.commands and quote in point


def unmet(reply: ReviewReply, points: Sequence[str], evidence: Evidence, *, whole: bool = True) -> list[str]:
    """Return what a sign-off lacks: each point of the task needs something of the evidence that shows it.

    A reply on a part of the change may leave out points, for others may show them; what it gives must be true. A change
    without a line that could be quoted (binary files, renames) needs none.
    """
    if not evidence.lines and not evidence.proven_by:
        return []
    shown = {met.point: met for met in reply.done}
    problems = [
        f"done: say for point {number} by which changed line or test it is met, or report what is missing as a finding"
        for number in range(1, len(points) + 1)
        if whole and number not in shown
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
