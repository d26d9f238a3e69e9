"""The Integrator at the start of a feature: the roadmap and the kick-off comment."""

from __future__ import annotations

import re

from pydantic import JsonValue

from agents.chronicle import record_feature
from agents.crew import ThreadContext
from agents.ids import marker
from agents.plans import Plan, load_plan
from agents.specification import TICKED
from agents.steering import ADDED
from graph import Feature, Role, Task
from specs import feature_folder, plan_yaml, quiet

Result = dict[str, JsonValue]

YAML_LIMIT = 40_000
"""Characters of a plan's YAML that a comment holds."""


class Kickoff:
    """What the Integrator does before and between tasks; every effect is looked for before it is made."""

    def __init__(self, context: ThreadContext) -> None:
        self._context = context
        self._crew = context.crew

    def say_baseline(self, baseline: Result) -> None:
        """Say on the issue what is missing in the repository, before any code is written."""
        notes = baseline.get("notes")
        if not isinstance(notes, list) or not notes:
            return
        text = "\n".join(["Before the work starts, about the repository:", "", *(f"- {quiet(note)}" for note in notes)])
        self._context.desk.host.upsert_comment(
            self._context.state.issue, marker("baseline", self._context.feature_key), text
        )

    def record(self, plan_result: Result) -> None:
        """Write the feature and its tasks to the roadmap in one transaction."""
        plan = load_plan(self._crew, plan_result)
        state = self._context.state
        feature = Feature(
            id=self._context.feature,
            key=self._context.feature_key,
            repository=state.repository,
            title=plan.proposal.title,
            rationale=plan.proposal.rationale,
            target_release=plan.proposal.target_release,
            issue=state.issue,
            branch=self._context.branch,
        )
        tasks = [self._task(plan, number) for number in range(len(plan.tasks))]
        change = self._context.change(f"planned from issue #{state.issue}", who="planner")
        self._crew.roadmap.record_plan(state.repository, feature, tasks, change)
        self._bring_in_line({task.id for task in tasks})
        self._crew.threads.set_plan(self._context.lease, plan_result)
        self._crew.roadmap.move_feature(feature.id, "in_progress", self._context.change("the plan is recorded"))
        record_feature(self._context)

    def propose(self, plan_result: Result) -> None:
        """Show the plan on the issue, as a check list and as YAML, for a person to approve or change."""
        plan = load_plan(self._crew, plan_result)
        text = proposal_text(self._context.feature_key, plan)
        self._context.desk.host.upsert_comment(
            self._context.state.issue, marker("kickoff", self._context.feature_key), text
        )

    def _bring_in_line(self, planned: set[str]) -> None:
        """Cancel tasks that have not begun and are planned no more; open again those that are planned again."""
        for task in self._crew.roadmap.tasks(self._context.feature):
            if task.status == "open" and task.id not in planned and not ADDED & set(task.tags):
                self._crew.roadmap.move_task(task.id, "cancelled", self._context.change("dropped from the plan"))
            elif task.status == "cancelled" and task.id in planned and task.attempts == 0:
                self._crew.roadmap.move_task(task.id, "open", self._context.change("planned again"))

    def comment(self, plan_result: Result, branch: str | None) -> None:
        """Write or update the kick-off comment with the tasks as a check list."""
        record_feature(self._context)
        plan = load_plan(self._crew, plan_result)
        statuses = {task.key: str(task.status) for task in self._crew.roadmap.tasks(self._context.feature)}
        text = kickoff_text(self._context.feature_key, plan, statuses, branch, self._folder(plan))
        self._context.desk.host.upsert_comment(
            self._context.state.issue, marker("kickoff", self._context.feature_key), text
        )

    def _task(self, plan: Plan, number: int) -> Task:
        planned, repository = plan.tasks[number], self._context.state.repository
        return Task(
            id=f"{repository}/{planned.key}",
            key=planned.key,
            feature_id=self._context.feature,
            title=planned.task.title,
            kind=planned.task.kind,
            assignee=Role(planned.task.assignee),
            priority=planned.task.priority,
            done_when=tuple(planned.task.done_when),
            tags=tuple(planned.task.tags),
            touches=tuple(planned.task.touches),
            depends_on=tuple(f"{repository}/{key}" for key in planned.depends_on),
        )

    def _folder(self, plan: Plan) -> str:
        return feature_folder(self._context.state.issue, plan.proposal.title)


def kickoff_text(key: str, plan: Plan, statuses: dict[str, str], branch: str | None, folder: str) -> str:
    """Return the kick-off comment: title, where the specification is, the tasks as a check list."""
    lines = [f"### {key}: {quiet(plan.proposal.title)}", "", quiet(plan.proposal.summary), ""]
    if branch:
        lines += [f"Branch `{branch}`, specification in `{folder}/`.", ""]
    lines.append("Tasks:")
    planned = {task.key for task in plan.tasks}
    for task in plan.tasks:
        status = statuses.get(task.key, "open")
        after = f" (after {', '.join(task.depends_on)})" if task.depends_on else ""
        tick = "x" if status in TICKED else " "
        lines.append(f"- [{tick}] {task.key} {quiet(task.task.title)}{after}: {status}")
    for extra in sorted(set(statuses) - planned):
        lines.append(f"- [{'x' if statuses[extra] in TICKED else ' '}] {extra}: {statuses[extra]}")
    if plan.proposal.assumptions:
        lines += ["", "Assumptions:", *(f"- {quiet(assumption)}" for assumption in plan.proposal.assumptions)]
    lines += ["", "Commands: `/roadcrew status`, `/roadcrew retry`, `/roadcrew stop`."]
    return "\n".join(lines)


def proposal_text(key: str, plan: Plan) -> str:
    """Return the comment that shows a plan for approval: what to say, the tasks as a check list, the YAML."""
    lines = [
        f"### {key}: {quiet(plan.proposal.title)}",
        "",
        quiet(plan.proposal.summary),
        "",
        "**The plan waits for approval.**",
        "",
    ]
    for task in plan.tasks:
        after = f" (after {', '.join(task.depends_on)})" if task.depends_on else ""
        lines.append(f"- [x] {task.key} {quiet(task.task.title)}{after}, {task.task.assignee}")
        lines += [f"  - {quiet(point)}" for point in task.task.done_when]
    if plan.proposal.assumptions:
        lines += ["", "Assumptions:", *(f"- {quiet(assumption)}" for assumption in plan.proposal.assumptions)]
    if plan.proposal.new_dependencies:
        new = ", ".join(
            f"{quiet(f'`{dependency.requirement}`')} ({quiet(dependency.reason)})"
            for dependency in plan.proposal.new_dependencies
        )
        lines += ["", f"New dependencies: {new}"]
    lines += [
        "",
        "Comment `/roadcrew approve` to start. To change it first: untick what is not wanted; or write",
        "`/roadcrew plan` with your words behind it to have it planned anew, with a YAML block under it to replace it,",
        "or `/roadcrew plan drop T-…`. `/roadcrew stop` ends it.",
    ]
    text = plan_yaml(plan.proposal, plan.names)
    if len(text) <= YAML_LIMIT:
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text)), 3)
        shown = [f"{fence}yaml", text.rstrip(), fence]
        lines += ["", "<details><summary>The plan as YAML, to edit</summary>", "", *shown, "", "</details>"]
    return "\n".join(lines)
