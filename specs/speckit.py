"""A feature's specification as files, in spec-kit's own layout.

`specs/NNN-slug/{spec,plan,tasks,research}.md` and one YAML file per task under `specs/NNN-slug/tasks/`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from specs.errors import SpecsError
from specs.markdown import block, flat, slugify
from specs.plan import PlanProposal, PlanTask, UserStory
from specs.plan_rules import find_cycle
from specs.task import Acceptance, Input, TaskSpec, TestCommand, spec_yaml

FOLDER = "specs"
"""Folder of a repository in which specifications lie."""
DEFAULT_SUITE = "python -m pytest"
"""The command of a task that names none, where the plan and the caller name none either."""
MOST_KEYS = 99
"""Tasks of one feature; their keys have two digits."""


def feature_folder(issue: int, title: str) -> str:
    """Return `specs/012-slug` for issue 12."""
    return f"{FOLDER}/{issue:03d}-{slugify(title)}"


def to_task_specs(
    proposal: PlanProposal,
    issue_number: int,
    repository: str,
    suite_command: str | None = None,
    keys: Mapping[str, str] | None = None,
) -> tuple[TaskSpec, ...]:
    """Return the specs of a plan's tasks, each after those that it depends on, with the keys `T-<issue><two digits>`.

    `keys` holds the keys that tasks have already, by their refs. A task without commands of its own gets the plan's test command, or else `suite_command`. Raises SpecsError for
    a plan that `validate_plan` would not let pass: a cycle, an unknown or double reference, too many tasks.
    """
    ordered = _in_order(proposal)
    fresh = {task.ref: f"T-{issue_number}{number:02d}" for number, task in enumerate(ordered, start=1)}
    keys = fresh | dict(keys or {})
    suite = proposal.test_command or suite_command or DEFAULT_SUITE
    origin = Input(type="issue", name=f"{repository}#{issue_number}")
    return tuple(_task_spec(task, keys, suite, origin) for task in ordered)


def write_feature_specs(
    feature_key: str,
    slug: str,
    proposal: PlanProposal,
    tasks: Sequence[TaskSpec],
    research: str,
    done: Collection[str] = (),
) -> dict[str, str]:
    """Return the text of every file of a feature's specification, by its path in the repository.

    `feature_key` is `F-12`; `done` has the keys of tasks that get a check mark.
    """
    number = re.fullmatch(r"F-(\d+)", feature_key)
    if number is None:
        raise SpecsError(f"{feature_key!r} is no key of a feature", "give one such as F-12")
    folder = f"{FOLDER}/{int(number[1]):03d}-{slugify(slug)}"
    values = {
        "feature_key": feature_key,
        "issue": int(number[1]),
        "folder": folder,
        "proposal": proposal,
        "stories": _stories(proposal),
        "tasks": tasks,
        "phases": _phases(proposal, tasks),
        "done": frozenset(done),
    }
    texts = {
        f"{folder}/{name}.md": re.sub(r"\n{3,}", "\n\n", _environment().get_template(name).render(**values)).strip()
        + "\n"
        for name in ("spec", "plan", "tasks")
    }
    texts[f"{folder}/research.md"] = f"# Research: {flat(proposal.title)}\n\n{block(research) or 'None.'}\n"
    for task in tasks:
        texts[f"{folder}/tasks/{task.id}.yaml"] = spec_yaml(task)
    return texts


def _task_spec(task: PlanTask, keys: dict[str, str], suite: str, origin: Input) -> TaskSpec:
    return TaskSpec(
        id=keys[task.ref],
        title=flat(task.title)[:200] or keys[task.ref],
        description=task.description,
        kind=task.kind,
        owner=task.assignee,
        priority=task.priority,
        inputs=(origin,),
        acceptance=tuple(Acceptance(text=point) for point in task.done_when if point.strip()),
        tests=tuple(TestCommand(run=command) for command in task.tests if command.strip()) or (TestCommand(run=suite),),
        tests_may_change=tuple(task.tests_may_change),
        service=task.service,
        artifacts_path=f"tasks/{keys[task.ref]}",
        depends_on=tuple(keys[ref] for ref in dict.fromkeys(task.depends_on)),
        touches=tuple(task.touches),
        tags=tuple(task.tags),
    )


def _in_order(proposal: PlanProposal) -> list[PlanTask]:
    """Sort the tasks so that dependencies come first, else as proposed."""
    refs = [task.ref for task in proposal.tasks]
    unknown = sorted({ref for task in proposal.tasks for ref in task.depends_on} - set(refs))
    cycle = find_cycle({task.ref: list(task.depends_on) for task in proposal.tasks})
    if cycle or unknown or len(set(refs)) < len(refs) or len(refs) > MOST_KEYS:
        raise SpecsError(
            f"the plan's tasks {', '.join(refs[:10])} cannot be put in order",
            "validate_plan says what is wrong with them",
        )
    ordered: list[PlanTask] = []
    waiting = list(proposal.tasks)
    while waiting:
        placed = {task.ref for task in ordered}
        following = next(task for task in waiting if set(task.depends_on) <= placed)
        waiting.remove(following)
        ordered.append(following)
    return ordered


def _stories(proposal: PlanProposal) -> list[UserStory]:
    """Return the proposal's stories, or one made of what it says as a whole."""
    if proposal.user_stories:
        return list(proposal.user_stories)
    why, test = "it is what the issue asks for", "the test suite"
    return [UserStory(title=proposal.title, priority="P1", why=why, independent_test=test, scenarios=[])]


def _phases(proposal: PlanProposal, tasks: Sequence[TaskSpec]) -> list[tuple[int, list[TaskSpec]]]:
    """Return the stories that have tasks, each with its number and tasks, and last number 0 with shared tasks.

    A task serves the story that a tag such as `US2` names; the others serve the stories in turn, the last story
    taking the rest. Documentation and chores are shared.
    """
    count = len(_stories(proposal))
    phases: dict[int, list[TaskSpec]] = {number: [] for number in (*range(1, count + 1), 0)}
    turn = 0
    for task in tasks:
        named = [int(tag[2:]) for tag in task.tags if re.fullmatch(r"US[0-9]{1,3}", tag)]
        if named and 0 < named[0] <= count:
            phases[named[0]].append(task)
        elif task.kind in ("code", "test"):
            turn = min(turn + 1, count)
            phases[turn].append(task)
        else:
            phases[0].append(task)
    return [(number, members) for number, members in phases.items() if members]


def _source(name: str) -> str:
    return files("specs").joinpath(f"templates/{name}.md").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - the templates are Markdown; `flat` keeps values on their line  # nosec B701 - Markdown files
        loader=FunctionLoader(_source), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["flat"] = flat
    return environment
