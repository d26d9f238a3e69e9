"""What came back from the round before, in the words that the Coder reads."""

from __future__ import annotations

import json

from pydantic import JsonValue

from agents.crew import TurnContext
from agents.findings import Finding
from prompts import one_line, untrusted
from tools.artifacts import ArtifactRef


def round_feedback(context: TurnContext) -> str:
    """Return why the work came back: the red suite, the review, or the failed integration; empty in round one."""
    payload = context.turn.payload
    if context.turn.round == 1:
        return ""
    integration, review, test = (_part(payload, name) for name in ("integration", "review", "test"))
    if integration:
        return _lines("The merge into the feature branch did not work.", integration)
    if review:
        return _review(context, review)
    if test:
        return _lines("The Tester ran the suite in a clean environment.", test)
    work = _part(payload, "work")
    return f"Your last round ended without being handed in: {one_line(work.get('verdict', ''))}."


def _part(payload: dict[str, JsonValue], name: str) -> dict[str, JsonValue]:
    part = payload.get(name)
    return part if isinstance(part, dict) else {}


def _lines(opening: str, result: dict[str, JsonValue]) -> str:
    lines = [opening, f"Verdict: {one_line(result.get('verdict', ''))}"]
    if result.get("tail"):
        lines += ["", untrusted(str(result["tail"]))]
    return "\n".join(lines)


def _review(context: TurnContext, result: dict[str, JsonValue]) -> str:
    stored = json.loads(context.crew.artifacts.get(ArtifactRef.model_validate(result["review"])))
    findings = [Finding.model_validate(finding) for finding in stored["findings"]]
    blocking = [finding.as_feedback() for finding in findings if finding.blocks]
    others = [finding.as_feedback() for finding in findings if not finding.blocks]
    lines = [
        "The Reviewer sends the change back.",
        f"Verdict: {result.get('verdict', '')}",
        "",
        untrusted(str(stored["summary"])),
    ]
    lines += ["", "To be mended:", "", untrusted("\n".join(blocking))]
    if others:
        lines += ["", "Remarks; mend them where it is simple:", "", untrusted("\n".join(others))]
    return "\n".join(lines)
