"""The Researcher: facts from the repository and its installed packages, each with its source."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from agents.conversation import Conversation
from agents.crew import TurnContext
from agents.plans import load_plan
from agents.surroundings import look_from
from agents.workbench import Start, Workbench
from prompts import render
from tools.dispatch import Tool
from tools.observation import Observation

STEPS = 25
"""Model calls of the Researcher at most; it stops by itself much earlier."""


class Report(BaseModel):
    """Hand in the research report and end the research."""

    model_config = ConfigDict(extra="forbid")

    report: str = Field(description="The whole report in Markdown", min_length=20, max_length=30_000)


def research(context: TurnContext) -> dict[str, JsonValue]:
    """Return the reference of a stored, cited report."""
    payload = context.turn.payload
    plan_result, baseline = payload["plan"], payload["baseline"]
    if not isinstance(plan_result, dict) or not isinstance(baseline, dict):
        raise TypeError(f"turn {context.turn.key} has no plan or baseline")
    plan = load_plan(context.crew, plan_result)
    packages = tuple(dependency.requirement for dependency in plan.proposal.new_dependencies)
    base = str(baseline["base"])
    touched = [path for planned in plan.tasks for path in planned.task.touches]
    told = [plan.proposal.summary, *(planned.task.description for planned in plan.tasks)]
    start = Start(base=base, commit=base, packages=packages)
    with Workbench(context, start, [Tool("submit", Report, _hand_in)], read_only=True) as bench:
        task = render(
            "researcher_task",
            feature={
                "key": context.turn.key.split("/")[0],
                "title": plan.proposal.title,
                "summary": plan.proposal.summary,
            },
            tasks=[{"key": t.key, "title": t.task.title, "description": t.task.description} for t in plan.tasks],
            new_dependencies=list(packages),
            base_verdict=baseline["verdict"],
            tree=look_from(context.mirror_with(base), base, touched, told).tree,
        )
        conversation = Conversation(context, bench.schemas(), bench.act, steps=STEPS)
        outcome = conversation.run(render("researcher_system"), task)
    found = outcome.submission.get("report") if isinstance(outcome.submission, dict) else None
    report = str(found) if found else f"No report: {outcome.detail}."
    ref = context.crew.artifacts.put(f"features/{context.feature}/research.md", report.encode())
    return {"research": ref.model_dump(mode="json"), "verdict": outcome.end}


def _hand_in(report: Report) -> Observation:
    return Observation(verdict="handed in", data={"accepted": True, "report": report.report})
