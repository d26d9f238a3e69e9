"""The documentation of a whole feature when its tasks are in: what is still missing, and what its people are told."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

from pydantic import JsonValue

from agents.crew import ThreadContext
from agents.steering import asked_task
from agents.turns import TurnState
from graph import Role
from specs.markdown import flat, quiet
from tools.docs import DocFinding, Meeting, documentation_brief

logger = logging.getLogger(__name__)

Result = dict[str, JsonValue]
POINTS = 20
"""Missing points that one task lists."""


class FeatureDocumentation:
    """Looks at the feature branch as it stands, running nothing; adds one task where documentation is missing."""

    def __init__(self, context: ThreadContext) -> None:
        self._context = context

    def settle(self, baseline: Result) -> Result:
        """Return the key of a task that was added, or None, and the reason in one sentence."""
        mirror = self._context.desk.mirror
        mirror.fetch()
        base, head = str(baseline["base"]), mirror.require(self._context.branch)
        brief = documentation_brief(mirror, base, head)
        missing = Meeting(mirror, base, head).unmet(brief)
        added = self._add(missing) if missing else None
        return {"added": added, "reason": brief.reason, "missing": [one.as_text for one in missing[:POINTS]]}

    def _add(self, missing: Sequence[DocFinding]) -> str | None:
        """Add a task for what is missing, once for the same points: who cancels it does without them."""
        roadmap = self._context.crew.roadmap
        tasks = roadmap.tasks(self._context.feature)
        mark = "docs:" + hashlib.sha256("\n".join(one.message for one in missing).encode()).hexdigest()[:12]
        known = next((task for task in tasks if mark in task.tags), None)
        if known is not None:
            return known.key if known.status == "open" else None
        points = tuple(f"{one.path}:{one.line} {one.message}" for one in missing[:POINTS])
        task = asked_task(self._context, tasks, "Document what the feature changed", points, ("asked", mark))
        task = task.model_copy(update={"kind": "docs", "assignee": Role.DOCGEN})
        roadmap.add_task(task, self._context.change(f"{len(missing)} points of documentation are missing"))
        logger.info("%s documents %d missing points", task.id, len(missing))
        return task.key


def documentation_lines(turns: Sequence[TurnState], documentation: Result) -> list[str]:
    """Return what the pull request says: which documents were written and checked, or why there are none."""
    checked = [judged for turn in turns if turn.role == "tester" and (judged := _judged(turn.result))]
    last = checked[-1] if checked else {}
    documents = last.get("documents")
    lines = ["", "Documentation: " + (_written(documents) if documents else _none(turns, documentation))]
    if last:
        lines.append(f"Checked: {quiet(flat(last.get('verdict', '')))}.")
    notes = last.get("notes")
    lines += [f"- {quiet(flat(note))}" for note in notes] if isinstance(notes, list) else []
    missing = documentation.get("missing")
    if isinstance(missing, list) and missing:
        lines += ["", "Not documented:", *(f"- {quiet(flat(one))}" for one in missing)]
    return lines


def _judged(result: Result | None) -> Result | None:
    judged = (result or {}).get("documentation")
    return judged if isinstance(judged, dict) else None


def _written(documents: JsonValue) -> str:
    paths = documents if isinstance(documents, list) else []
    return ", ".join(f"`{path}`" for path in paths) + "."


def _none(turns: Sequence[TurnState], documentation: Result) -> str:
    reasons = [str((turn.result or {}).get("unneeded") or "") for turn in turns if turn.role == "docgen"]
    reason = next((one for one in reversed(reasons) if one), str(documentation.get("reason") or ""))
    return f"none was needed; {reason}." if reason else "none."
