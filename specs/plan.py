"""The plan as the Planner proposes it, strict enough to be a model's structured reply, and the rules it must obey."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from specs.errors import Problem

MOST_TASKS = 20
PROTECTED = (".github/workflows", ".git", ".gitlab-ci.yml", ".env")
ROLE_KINDS = {"coder": {"code", "chore", "test"}, "docgen": {"docs"}, "tester": {"test"}}


class Part(BaseModel):
    """A frozen part of the plan; every field is given, as strict structured replies demand."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Scenario(Part):
    """One acceptance scenario."""

    given: str
    when: str
    then: str


class UserStory(Part):
    """What somebody can do when the feature is there."""

    title: str
    priority: Literal["P1", "P2", "P3"]
    why: str = Field(description="why it has this priority")
    independent_test: str = Field(description="how this story alone can be tested")
    scenarios: list[Scenario]


class NewDependency(Part):
    """A third-party package that the feature adds."""

    name: str
    requirement: str = Field(description="as it is written into the dependency file, such as 'tomlkit>=0.13'")
    kind: Literal["runtime", "test"]
    reason: str


class PlanTask(Part):
    """One task of the plan."""

    ref: str = Field(description="T1, T2, …")
    title: str = Field(description="in the imperative, at most 100 characters")
    kind: Literal["code", "docs", "test", "chore"]
    assignee: Literal["coder", "docgen", "tester"]
    priority: Literal["low", "normal", "high", "critical"]
    description: str
    done_when: list[str]
    depends_on: list[str] = Field(description="refs of tasks whose code this one needs")
    touches: list[str] = Field(description="paths that it will create or change, relative to the root")
    tests: list[str] = Field(description="commands besides the suite that must pass; usually empty")
    tests_may_change: list[str] = Field(description="existing test files that it may change; usually empty")
    tags: list[str]


class PlanProposal(Part):
    """A specification and a plan for one issue."""

    cannot_do: str | None = Field(description="why nothing can be done, or null")
    title: str = Field(description="the feature in at most 80 characters")
    rationale: str
    summary: str = Field(description="what will be different, in two to four sentences")
    target_release: str | None
    assumptions: list[str]
    user_stories: list[UserStory]
    edge_cases: list[str]
    requirements: list[str] = Field(description="functional requirements, one sentence each")
    success_criteria: list[str] = Field(description="measurable outcomes")
    technical_context: str
    test_command: str | None
    new_dependencies: list[NewDependency]
    docs_to_update: list[str] = Field(description="paths of documentation files")
    tasks: list[PlanTask]


def validate_plan(proposal: PlanProposal) -> list[Problem]:
    """Return what is wrong with a proposal, beyond its form; an empty list when nothing is."""
    if proposal.cannot_do:
        return []
    problems = _head_problems(proposal)
    refs = [task.ref for task in proposal.tasks]
    for number, task in enumerate(proposal.tasks):
        problems += _task_problems(f"tasks[{number}]", task, refs)
    cycle = find_cycle({task.ref: list(task.depends_on) for task in proposal.tasks})
    if cycle:
        problems.append(Problem("tasks", f"the dependencies go round: {' -> '.join(cycle)}", "remove one of them"))
    return problems


def find_cycle(depends_on: dict[str, list[str]]) -> list[str]:
    """Return one cycle of a dependency graph, its first node again at its end, or an empty list."""
    done: set[str] = set()
    for start in depends_on:
        path: list[str] = []
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            node, following = stack.pop()
            if following == 0:
                if node in path:
                    return [*path[path.index(node) :], node]
                if node in done:
                    continue
                path.append(node)
            targets = depends_on.get(node, [])
            if following < len(targets):
                stack.append((node, following + 1))
                stack.append((targets[following], 0))
            else:
                done.add(node)
                path.remove(node)
    return []


def _head_problems(proposal: PlanProposal) -> list[Problem]:
    problems: list[Problem] = []
    if not proposal.tasks:
        problems.append(Problem("tasks", "the plan has no tasks", "plan at least one, or say in cannot_do why not"))
    if len(proposal.tasks) > MOST_TASKS:
        problems.append(
            Problem("tasks", f"{len(proposal.tasks)} tasks are too many", f"at most {MOST_TASKS}; join some")
        )
    if not _is_line(proposal.title, 100):
        problems.append(Problem("title", f"{proposal.title[:60]!r} is no title", "one line of at most 100 characters"))
    problems += [
        Problem(f"docs_to_update[{n}]", f"{path!r} leads out of the repository", "give a relative path")
        for n, path in enumerate(proposal.docs_to_update)
        if _leads_out(path)
    ]
    for number, new in enumerate(proposal.new_dependencies):
        if not re.fullmatch(
            r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?\s*([<>=!~]=?[^;@/\s]*(,\s*[<>=!~]=?[^;@/\s]*)*)?",
            new.requirement,
        ):
            problems.append(
                Problem(
                    f"new_dependencies[{number}]",
                    f"{new.requirement!r} is no plain requirement",
                    "name and version only",
                )
            )
    return problems


def _task_problems(path: str, task: PlanTask, refs: list[str]) -> list[Problem]:
    problems: list[Problem] = []
    if not re.fullmatch(r"T[0-9]{1,3}", task.ref) or refs.count(task.ref) > 1:
        problems.append(
            Problem(f"{path}.ref", f"{task.ref!r} is not a reference of its own", "use T1, T2, … once each")
        )
    if not _is_line(task.title, 120):
        problems.append(
            Problem(f"{path}.title", f"{task.title[:60]!r} is no title", "one line of at most 120 characters")
        )
    if task.kind not in ROLE_KINDS[task.assignee]:
        allowed = " or ".join(sorted(ROLE_KINDS[task.assignee]))
        problems.append(
            Problem(f"{path}.kind", f"{task.assignee} does no {task.kind} tasks", f"its kinds are {allowed}")
        )
    if not [point for point in task.done_when if point.strip()]:
        problems.append(Problem(f"{path}.done_when", "is empty", "say what can be checked when the task is done"))
    for other in task.depends_on:
        if other not in refs or other == task.ref:
            problems.append(
                Problem(f"{path}.depends_on", f"{other!r} is no other task of the plan", f"there are {', '.join(refs)}")
            )
    for touched in (*task.touches, *task.tests_may_change):
        if _leads_out(touched):
            problems.append(
                Problem(f"{path}.touches", f"{touched!r} leads out of the repository", "give a relative path")
            )
        elif touched.strip("/").startswith(PROTECTED):
            problems.append(Problem(f"{path}.touches", f"{touched!r} is protected", "plan without touching it"))
    return problems


def _is_line(text: str, longest: int) -> bool:
    return bool(text.strip()) and len(text) <= longest and text.isprintable()


def _leads_out(path: str) -> bool:
    return path.startswith(("/", "~")) or ".." in path.split("/") or "\\" in path or "\x00" in path or not path.strip()
