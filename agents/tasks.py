"""The task that a turn works on: planned, or added to the roadmap since."""

from __future__ import annotations

from agents.crew import TurnContext
from agents.ids import key_of
from agents.plans import Plan, PlannedTask, load_plan
from graph import Task
from specs import PlanTask


def feature_plan(context: TurnContext) -> Plan:
    """Return the plan of the turn's feature."""
    return load_plan(context.crew, context.crew.threads.plan_result(context.feature))


def planned_task(context: TurnContext) -> PlannedTask:
    """Return the turn's task: as planned, as far as people have not edited it in the roadmap."""
    task = context.crew.reader.task(context.thread.id)
    if task is None:
        raise LookupError(f"{context.thread.id} is not in the roadmap")
    plan = feature_plan(context)
    planned = next((planned for planned in plan.tasks if planned.key == task.key), None)
    if planned is None:
        return added_task(task)
    edited = planned.task.model_copy(update={"title": task.title, "done_when": list(task.done_when)})
    return planned.model_copy(update={"task": edited})


def added_task(task: Task) -> PlannedTask:
    """Return a task that was added after planning, such as the answer to a review."""
    points = [point.lstrip("- ") for point in task.done_when]
    values = {
        "ref": "T1",
        "title": task.title,
        "kind": task.kind,
        "assignee": str(task.assignee),
        "priority": task.priority,
        "description": "\n".join(["What is asked for:", *(f"- {point}" for point in points)]),
        "done_when": points,
        "depends_on": [],
        "touches": list(task.touches),
        "tests": [],
        "tests_may_change": [],
        "tags": list(task.tags),
    }
    body = PlanTask.model_validate(values)
    return PlannedTask(key=task.key, task=body, depends_on=tuple(key_of(other) for other in task.depends_on))
