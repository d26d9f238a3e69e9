"""The Reviewer's findings: what counts as one, and their stable ids."""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.threads import Record
from prompts import visible

BLOCKING = frozenset({"critical", "high"})
Severity = Literal["critical", "high", "medium", "low"]


class ClaimedFinding(BaseModel):
    """A finding as the model claims it."""

    model_config = ConfigDict(extra="forbid")

    path: str
    quote: str = Field(description="one whole changed line of the diff, without its leading + or -")
    severity: Severity
    title: str
    failure: str = Field(description="which input or situation leads to which wrong outcome")
    suggestion: str


class OpenFindingVerdict(BaseModel):
    """What became of a finding of the round before."""

    model_config = ConfigDict(extra="forbid")

    id: str
    state: Literal["resolved", "open"]
    reason: str


class MetPoint(BaseModel):
    """By what one point of "done when" is met."""

    model_config = ConfigDict(extra="forbid")

    point: int = Field(description="its number in the list")
    quote: str = Field(
        description="one whole changed line of the diff, or the name of a test that fails without the change, that shows it;"
        " where the point names a command that ended well, that command; where it names a file that stays as it is,"
        " `unchanged: PATH`"
    )


class ReviewReply(BaseModel):
    """The whole reply of the Reviewer."""

    model_config = ConfigDict(extra="forbid")

    summary: str
    done: list[MetPoint] = Field(
        default_factory=list,
        description='one entry for each point of "done when" that is met; a point that is not is a finding',
    )
    earlier: list[OpenFindingVerdict] = Field(description="one entry for each open finding of the round before")
    findings: list[ClaimedFinding]


class Finding(Record):
    """A finding that quotes a changed line."""

    id: str
    """Stable over rounds: it hangs on the path and the quoted line, not on its number."""
    path: str
    quote: str
    severity: Severity
    title: str
    failure: str
    suggestion: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it sends the change back."""
        return self.severity in BLOCKING

    def as_feedback(self) -> str:
        """Return the finding as the Coder reads it."""
        cure = self.suggestion.strip().replace("\n", "\n    ")
        return f"- {self.id} ({self.severity}) {self.path}: {self.title}\n  line: `{self.quote}`\n  failure: {self.failure}\n  suggestion: {cure}"


def finding_of(claim: ClaimedFinding, prefix: str = "R") -> Finding:
    """Return a claim under its stable id; `prefix` says who claims: R for the Reviewer, L for a linter."""
    digest = hashlib.sha256(f"{claim.path}\n{claim.quote.strip()}\n{claim.severity in BLOCKING}".encode()).hexdigest()
    return Finding(id=f"{prefix}-{digest[:6]}", **claim.model_dump())


def quotes_change(claim: ClaimedFinding, diff: str) -> bool:
    """Whether a claim quotes a line that the diff adds or removes in the file that it names."""
    quote = visible(claim.quote).strip()
    wanted = {quote, quote[1:].strip() if quote[:1] in ("+", "-") else quote} - {"", "+", "-"}
    return any(visible(line[1:]).strip() in wanted for line in changed_lines(diff, claim.path))


def changed_lines(diff: str, path: str | None = None) -> list[str]:
    """Return the lines that a diff adds or removes, with their sign; of one file, or of all."""
    lines: list[str] = []
    inside = in_hunk = False
    for line in diff.split("\n"):  # `splitlines` would take a separator within a line of the file for the end of it
        if line.startswith("diff --git "):
            inside, in_hunk = path is None or line.endswith(f" b/{path}") or f" a/{path} " in line, False
        elif line.startswith("@@"):
            in_hunk = True
        elif inside and in_hunk and line[:1] in ("+", "-"):
            lines.append(line)
    return lines
