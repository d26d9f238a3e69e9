"""Doc-Gen: documents what a feature changed for its users, in the repository's own manner, and has it checked."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue

from agents import documentation
from agents.coder import CHECKLIST_END, Seat, Start, begin, hand_over, limits_of, material
from agents.conversation import Answer, Conversation
from agents.crew import TurnContext
from agents.handover import earlier_work
from agents.journal import CommandResult
from agents.plans import PlannedTask
from agents.tasks import feature_plan, planned_task
from agents.threads import Record
from agents.workbench import Start as BenchStart
from prompts import render
from tools.chat import ToolCall
from tools.docs import Brief
from tools.observation import OUTPUT_CHARACTERS, Observation, cut_middle
from tools.patch import Diff

CHECKLIST = """Before you hand this in, check:
1. Is every point of "done when" met, and every need of the list?
2. Would a user who has never seen the feature know what it is for, how to use it and what it does when things go wrong?
3. Did you run every example, and does the text say exactly what the code does?
4. Is there anything that does not belong: praise, repetition, words about this work itself, unrelated edits?
"""


class Opening(Record):
    """What one round of documentation starts from."""

    start: Start
    brief: Brief
    planned: bool
    """Whether the plan itself names something to write."""


def work(context: TurnContext) -> dict[str, JsonValue]:
    """Do one round of a documentation task; where there is nothing to document, say so and ask nobody."""
    reply = context.journal.command("start", context.turn.payload, lambda: _open(context))
    opening = Opening.model_validate(reply)
    if not opening.brief.needs and not opening.planned and context.turn.round == 1:
        reason = opening.brief.reason
        return {"commit": None, "unneeded": reason, "verdict": f"nothing to document: {reason}", "end": "unneeded"}
    start, planned = opening.start, planned_task(context)
    before = earlier_work(context.turn.payload)
    granted = before.granted if before else ()
    seat = DocSeat(
        context, BenchStart(base=start.base, commit=start.commit, bundle=start.bundle, granted=granted), planned
    )
    with seat.bench as bench:
        talk = Conversation(context, bench.schemas(), seat.act, changed=bench.changed_paths)
        outcome = talk.run(*_prompts(context, planned, opening))
        snapshot = bench.final_snapshot()
    return hand_over(context, start, before, outcome, snapshot, tuple(bench.granted))


DIFF_SHOWN = OUTPUT_CHARACTERS - documentation.TEXT_LIMIT
"""Characters of the diff; the rest of a result is for what the checks found."""


class DocSeat(Seat):
    """The seat whose submission is checked: it is handed in when its checks were shown for just these files."""

    def __init__(self, context: TurnContext, start: BenchStart, planned: PlannedTask) -> None:
        super().__init__(context, start)
        self._context = context
        self._planned = planned
        self._checked = ""

    def act(self, call: ToolCall) -> Answer:
        """Carry out one call; what was shown before holds also when it comes from the journal."""
        answer = super().act(call)
        if call.name == "submit" and isinstance(answer.data, dict) and answer.data.get("checked"):
            self._checked = str(answer.data["checked"])
        return answer

    def first_look(self, change: Diff) -> Observation | None:
        """Return the diff with what the checks found, unless these very files were shown."""
        mirror, commit = self._context.desk.mirror, self.bench.commit()
        tree = mirror.tree_of(commit)
        if self._checked == tree:
            return None
        shown = bool(self._checked)
        report = documentation.check(self._context, mirror, commit, self._planned)
        if shown and report.green:
            return None
        found = cut_middle(report.text, documentation.TEXT_LIMIT)
        text = "\n\n".join(part for part in (cut_middle(change.text, DIFF_SHOWN), found) if part)
        note = f"This is your change ({change.verdict}), and what the checks found of it: {report.verdict}"
        note = "\n\n".join((note, CHECKLIST, CHECKLIST_END if report.green else FOUND_END))
        return Observation(verdict="not handed in yet", text=text, note=note, data={"shown": True, "checked": tree})


FOUND_END = (
    "Mend what the checks found, then call `submit` again. Called again without a change it hands the work in as it"
    " is, and the Tester, who runs the same checks, sends it back."
)


def _open(context: TurnContext) -> CommandResult:
    """Find where the work starts and what the feature asks of the documentation."""
    start = begin(context)
    mirror, plan = context.desk.mirror, feature_plan(context)
    task = planned_task(context)
    asked = task.key not in plan.names or bool(documentation.planned_documents(plan))
    opening = Opening(start=start, brief=documentation.brief(context, mirror, start.commit), planned=asked)
    return CommandResult(reply=opening.model_dump(mode="json"))


def _prompts(context: TurnContext, planned: PlannedTask, opening: Opening) -> tuple[str, str]:
    brief, plan = opening.brief, feature_plan(context)
    needs = brief.needs if documentation.is_closing(plan, planned.key) else ()
    shown: dict[str, Any] = {
        **material(context, planned, opening.start),
        "changes": documentation.change_lines(brief),
        "needs": "\n".join(need.as_text for need in needs),
        "customs": "\n".join(brief.customs),
    }
    system = render("docgen_system", **limits_of(context))
    return system, render("docgen_task", **shown)
