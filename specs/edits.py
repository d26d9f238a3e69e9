"""A plan as people edit it: its YAML, and what an edited one asks for.

People name tasks by the keys that they see (`T-1201`), the proposal by its own refs (`T1`); `names` leads from one
to the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from specs.errors import Problem, SpecInvalid
from specs.plan import NewDependency, PlanProposal, PlanTask
from specs.service import ServiceCheck

LARGEST = 200_000
"""Characters of an edited plan."""


class Part(BaseModel):
    """A frozen part of an edited plan; what is left out stays as it was."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskEdit(Part):
    """One task of an edited plan: with a known id the fields to change, otherwise a new task."""

    id: str | None = None
    """The task's key; a new task may have any word here, to be named in another's `depends_on`."""
    title: str | None = None
    kind: Literal["code", "docs", "test", "chore"] | None = None
    assignee: Literal["coder", "docgen", "tester"] | None = None
    priority: Literal["low", "normal", "high", "critical"] | None = None
    description: str | None = None
    done_when: list[str] | None = None
    depends_on: list[str] | None = None
    touches: list[str] | None = None
    tests: list[str] | None = None
    tests_may_change: list[str] | None = None
    service: ServiceCheck | None = None
    tags: list[str] | None = None


class PlanEdit(Part):
    """An edited plan."""

    title: str | None = None
    summary: str | None = None
    assumptions: list[str] | None = None
    test_command: str | None = None
    new_dependencies: list[NewDependency] | None = None
    docs_to_update: list[str] | None = None
    tasks: list[TaskEdit] | None = None
    """The whole list: a task of the plan that is not in it is dropped. None leaves the tasks."""
    drop: list[str] = Field(default_factory=list)
    """Keys of tasks to drop, where the list itself is not given."""


SHOWN = ("title", "summary", "assumptions", "test_command", "new_dependencies", "docs_to_update")
"""Fields of a proposal, besides its tasks, that people may edit."""


def plan_yaml(proposal: PlanProposal, names: Mapping[str, str]) -> str:
    """Return the part of a proposal that people may edit; ``names`` has the ref of each key."""
    keys = {ref: key for key, ref in names.items()}
    head = proposal.model_dump(mode="json", include=set(SHOWN))
    value: dict[str, Any] = {name: head[name] for name in SHOWN if head[name] not in (None, [])}
    value["tasks"] = [_shown(task, keys) for task in proposal.tasks]
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)


def read_edit(text: str) -> PlanEdit:
    """Return the edit that a YAML text holds; raises `SpecInvalid` with every problem and its place."""
    name = "the edited plan"
    if len(text) > LARGEST:
        raise SpecInvalid(f"{name} is longer than {LARGEST} characters", [], "keep to what you want changed")
    try:
        aliased = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader))
        value = None if aliased else yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as fault:
        raise SpecInvalid(f"{name} is no YAML: {fault}", [], "look at the indentation near the place named") from fault
    if aliased:
        raise SpecInvalid(f"{name} uses YAML anchors", [], "write the values out")
    if not isinstance(value, dict):
        raise SpecInvalid(f"{name} is no mapping", [], f"give {', '.join(SHOWN)} or tasks, each a key of its own")
    try:
        return PlanEdit.model_validate(value)
    except ValidationError as fault:
        problems = [
            Problem(_place(error["loc"]), error["msg"].lower(), f"it is {str(error['input'])[:60]!r}")
            for error in fault.errors()
        ]
        raise SpecInvalid(f"{name} cannot be used", problems, "mend what is named and send it again") from fault


def edited(proposal: PlanProposal, edit: PlanEdit, names: Mapping[str, str]) -> PlanProposal:
    """Return the proposal as the edit wants it, unjudged: `validate_plan` says whether it holds together.

    Raises `SpecInvalid` where the edit drops or names a task that the plan does not have, or a new one lacks a title.
    """
    unknown = [key for key in edit.drop if key not in names]
    if unknown:
        raise SpecInvalid(f"the plan has no task {unknown[0]!r}", [], f"there are {', '.join(names)}")
    changes: dict[str, Any] = {name: getattr(edit, name) for name in SHOWN if getattr(edit, name) is not None}
    dropped = {names[key] for key in edit.drop}
    tasks = _edited_tasks(proposal, edit.tasks, names) if edit.tasks is not None else list(proposal.tasks)
    changes["tasks"] = _without(proposal, [task for task in tasks if task.ref not in dropped], names)
    return proposal.model_copy(update=changes)


def _without(proposal: PlanProposal, tasks: list[PlanTask], names: Mapping[str, str]) -> list[PlanTask]:
    """Return the tasks that stay; documentation waits no longer for what was dropped, any other task cannot do without."""
    kept = {task.ref for task in tasks}
    gone = {task.ref for task in proposal.tasks} - kept
    keys = {ref: key for key, ref in names.items()}
    problems = [
        Problem(
            f"tasks: {keys.get(task.ref, task.title)}",
            f"depends on {keys.get(ref, ref)}, which is dropped",
            "drop both, keep both, or change its depends_on",
        )
        for task in tasks
        for ref in task.depends_on
        if ref in gone and task.assignee != "docgen"
    ]
    if problems:
        raise SpecInvalid("the edited plan does not hold together", problems, "mend what is named and send it again")
    return [
        task.model_copy(update={"depends_on": [ref for ref in task.depends_on if ref not in gone]}) for task in tasks
    ]


def _edited_tasks(proposal: PlanProposal, edits: list[TaskEdit], names: Mapping[str, str]) -> list[PlanTask]:
    there = {task.ref: task for task in proposal.tasks}
    taken = {int(ref[1:]) for ref in there if ref[1:].isdigit()}
    fresh = (f"T{number}" for number in count(1) if number not in taken)
    refs = dict(names)
    for task in edits:
        if task.id is not None and task.id not in refs:
            refs[task.id] = next(fresh)
    return [_edited_task(task, there, refs, refs[task.id] if task.id else next(fresh)) for task in edits]


def _edited_task(edit: TaskEdit, there: Mapping[str, PlanTask], refs: Mapping[str, str], ref: str) -> PlanTask:
    changes = edit.model_dump(exclude={"id", "service"}, exclude_none=True)
    if edit.service is not None:
        changes["service"] = edit.service
    if "depends_on" in changes:
        changes["depends_on"] = [refs.get(key, key) for key in changes["depends_on"]]
    before = there.get(ref)
    if before is not None:
        return before.model_copy(update=changes)
    if not edit.title:
        place = f"tasks: {edit.id}" if edit.id else "tasks: a new task"
        raise SpecInvalid(f"{place} has no title", [], "give every new task a title, or use the id of a task there is")
    usual: dict[str, Any] = {
        "kind": "docs" if edit.assignee == "docgen" else "test" if edit.assignee == "tester" else "code",
        "assignee": "docgen" if edit.kind == "docs" else "coder",
        "priority": "normal",
        "description": edit.title,
        "done_when": [edit.title],
    }
    empty: dict[str, list[str]] = {name: [] for name in ("depends_on", "touches", "tests", "tests_may_change", "tags")}
    return PlanTask.model_validate({"ref": ref, **usual, **empty, **changes})


def _shown(task: PlanTask, keys: Mapping[str, str]) -> dict[str, Any]:
    value = task.model_dump(mode="json", exclude={"ref"})
    value["depends_on"] = [keys.get(ref, ref) for ref in task.depends_on]
    return {
        "id": keys.get(task.ref, task.ref),
        **{name: item for name, item in value.items() if item not in ([], "", None)},
    }


def _place(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the whole"
