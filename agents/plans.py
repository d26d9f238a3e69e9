"""The plan of a feature as it travels: kept in the artifact store, referred to by threads."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from itertools import count

from pydantic import JsonValue

from agents.crew import Crew
from agents.ids import task_key
from agents.threads import Record
from specs import PlanProposal, PlanTask
from tools.artifacts import ArtifactRef

CLOSING = "documents the feature"
"""The point of "done when" of a documentation task that we add ourselves."""


class PlannedTask(Record):
    """One task of the plan under the key that it has in the roadmap."""

    key: str
    task: PlanTask
    depends_on: tuple[str, ...]
    """Keys of tasks."""


class Plan(Record):
    """A validated plan with its tasks in an order in which they can be done."""

    issue: int
    proposal: PlanProposal
    tasks: tuple[PlannedTask, ...]

    @property
    def names(self) -> dict[str, str]:
        """The ref of each task by its key."""
        return {planned.key: planned.task.ref for planned in self.tasks}


def make_plan(
    issue: int, proposal: PlanProposal, keys: Mapping[str, str] | None = None, used: Collection[str] = ()
) -> Plan:
    """Give the proposal's tasks their keys, dependencies first; the proposal must be free of cycles.

    ``keys`` holds the keys that tasks have already, by their refs; the others get the next ones never ``used``.
    """
    order = _in_order(list(proposal.tasks))
    known = dict(keys or {})
    taken = {*known.values(), *used}
    fresh = (key for number in count(1) if (key := task_key(issue, number)) not in taken)
    for task in order:
        if task.ref not in known:
            known[task.ref] = next(fresh)
    tasks = tuple(
        PlannedTask(key=known[task.ref], task=task, depends_on=tuple(known[ref] for ref in task.depends_on))
        for task in order
    )
    return Plan(issue=issue, proposal=proposal, tasks=tasks)


def with_documentation(proposal: PlanProposal) -> PlanProposal:
    """Return the proposal with a closing Doc-Gen task, where it has documentation to update and no such task."""
    if not proposal.docs_to_update or any(task.assignee == "docgen" for task in proposal.tasks):
        return proposal
    taken = {task.ref for task in proposal.tasks}
    closing = PlanTask(
        ref=next(ref for number in count(len(taken) + 1) if (ref := f"T{number}") not in taken),
        title="Bring the documentation in line with the feature",
        kind="docs",
        assignee="docgen",
        priority="normal",
        description=f"Update {', '.join(proposal.docs_to_update)} for: {proposal.summary}",
        done_when=[f"{path} {CLOSING}" for path in proposal.docs_to_update],
        depends_on=[task.ref for task in proposal.tasks],
        touches=list(proposal.docs_to_update),
        tests=[],
        tests_may_change=[],
        tags=["docs"],
    )
    return proposal.model_copy(update={"tasks": [*proposal.tasks, closing]})


def store_plan(crew: Crew, feature: str, plan: Plan) -> ArtifactRef:
    """Keep a plan in the artifact store; the plans before it stay, since turns under way read them."""
    return crew.artifacts.put_version(f"features/{feature}/plan.json", plan.model_dump_json(indent=1).encode())


def load_plan(crew: Crew, result: dict[str, JsonValue]) -> Plan:
    """Return the plan that a Planner's result refers to."""
    ref = ArtifactRef.model_validate(result["plan"])
    return Plan.model_validate(json.loads(crew.artifacts.get(ref)))


def _in_order(tasks: list[PlanTask]) -> list[PlanTask]:
    """Sort so that dependencies come first, else as proposed."""
    done: list[PlanTask] = []
    while tasks:
        seen = {task.ref for task in done}
        ready = next(task for task in tasks if set(task.depends_on) <= seen)
        tasks = [task for task in tasks if task.ref != ready.ref]
        done.append(ready)
    return done
