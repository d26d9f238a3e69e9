"""A feature's specification as files, in spec-kit's own layout.

`specs/NNN-slug/{spec,plan,tasks,research}.md` and one YAML file per task under `specs/NNN-slug/tasks/`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from specs.plan import PlanProposal, PlanTask
from specs.task import Acceptance, TaskSpec, TestCommand, spec_yaml

Keyed = tuple[str, PlanTask, tuple[str, ...]]
"""A task's key, its plan, and the keys of the tasks that it depends on."""


def slugify(title: str) -> str:
    """Return a title as a short folder name of small ASCII letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    return "-".join(words)[:40].strip("-") or "feature"


def feature_folder(issue: int, title: str) -> str:
    """Return `specs/012-slug` for issue 12."""
    return f"specs/{issue:03d}-{slugify(title)}"


def to_task_spec(keyed: Keyed, test_command: str) -> TaskSpec:
    """Return the task spec of one planned task."""
    key, task, depends_on = keyed
    commands = [command for command in task.tests if command.strip()] or [test_command]
    return TaskSpec(
        id=key,
        title=task.title,
        description=task.description,
        kind=task.kind,
        owner=task.assignee,
        priority=task.priority,
        acceptance=tuple(Acceptance(text=point) for point in task.done_when if point.strip()),
        tests=tuple(TestCommand(run=command) for command in commands),
        tests_may_change=tuple(task.tests_may_change),
        artifacts_path=f"tasks/{key}",
        depends_on=depends_on,
        touches=tuple(task.touches),
        tags=tuple(task.tags),
    )


def write_feature_specs(
    issue: int, proposal: PlanProposal, tasks: Sequence[Keyed], research: str, test_command: str
) -> dict[str, str]:
    """Return the text of every file of a feature's specification, by its path in the repository."""
    folder = feature_folder(issue, proposal.title)
    story_of = _stories(proposal, tasks)
    values = {"issue": issue, "folder": folder, "proposal": proposal, "tasks": tasks, "story_of": story_of}
    texts = {
        f"{folder}/{name}.md": _environment().get_template(name).render(**values).strip() + "\n"
        for name in ("spec", "plan", "tasks")
    }
    texts[f"{folder}/research.md"] = f"# Research: {flat(proposal.title)}\n\n{research.strip()}\n"
    for keyed in tasks:
        texts[f"{folder}/tasks/{keyed[0]}.yaml"] = spec_yaml(to_task_spec(keyed, test_command))
    return texts


def flat(text: object) -> str:
    """Return text on one line that cannot begin a heading, a list or a fence."""
    line = " ".join(str(text).split())
    return re.sub(r"^([#>*+`~-]|\d+[.)])", r"\\\1", line).replace("```", "'''").replace("[NEEDS CLARIFICATION", "(open")


def _stories(proposal: PlanProposal, tasks: Sequence[Keyed]) -> dict[str, int]:
    """Return the number of the story that each task serves: code tasks in turn, the last story taking the rest."""
    count = max(1, len(proposal.user_stories))
    code = [key for key, task, _ in tasks if task.kind in ("code", "test")]
    return {key: min(number, count) for number, key in enumerate(code, start=1)}


def _source(name: str) -> str:
    return files("specs").joinpath(f"templates/{name}.md").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - the templates are Markdown; `flat` keeps values on their line
        loader=FunctionLoader(_source), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["flat"] = flat
    return environment
