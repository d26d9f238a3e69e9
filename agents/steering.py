"""Steering: what people change in a plan before and while it is worked on."""

from __future__ import annotations

import logging
import re

from pydantic import JsonValue

from agents.crew import ThreadContext
from agents.ids import marker, task_key
from agents.plans import Plan, load_plan, make_plan, store_plan
from graph import Role, Task
from specs import PlanEdit, PlanTask, Problem, SpecInvalid, edited, quiet, read_edit, validate_plan

logger = logging.getLogger(__name__)

Result = dict[str, JsonValue]
APPROVAL_LABEL = "{label}:approve-plan"
"""Beside the team's own label on an issue: a person approves the plan of this one."""
ADDED = frozenset({"asked", "revision"})
"""Tags of tasks that were added while the work was under way; no plan holds them."""
BOX = re.compile(r"^\s*[-*] \[(?P<mark>[ xX])\] (?P<key>T-\d+)\b", re.MULTILINE)


class Steering:
    """Takes over what people say to a feature's plan; every effect is looked for before it is made."""

    def __init__(self, context: ThreadContext) -> None:
        self._context = context
        self._crew = context.crew

    def asks_for_approval(self, baseline: Result) -> bool:
        """Whether a person approves this plan: by the settings, the repository's own file, or a label of the issue."""
        settings, manners = self._crew.settings, baseline.get("manners")
        if settings.approve_plan or (isinstance(manners, dict) and manners.get("approve_plan")):
            return True
        labels = self._context.desk.host.issue(self._context.state.issue).labels
        return APPROVAL_LABEL.format(label=settings.label) in labels

    def adopt(self, plan_result: Result, word: Result) -> Result | None:
        """Return the plan as a person left it; None, said on the issue, where that does not hold together."""
        plan = load_plan(self._crew, plan_result)
        try:
            edit = self._unticked() if word.get("kind") == "approve" else _edit_of(word)
            changed = self._edited(plan, edit)
        except SpecInvalid as fault:
            self._answer(word, fault)
            return None
        if changed == plan:
            return plan_result
        ref = store_plan(self._crew, self._context.feature, changed)
        by = str(word.get("by") or "a person")
        logger.info("%s takes over the plan of %s as %s left it", self._context.feature_key, by, by)
        return {"plan": ref.model_dump(mode="json"), "verdict": f"{len(changed.tasks)} tasks, edited by {by}"}

    def extend(self, word: Result) -> None:
        """Add a task for what a person asked while the work is under way."""
        roadmap, text = self._crew.roadmap, str(word.get("text") or "").strip()
        tasks = roadmap.tasks(self._context.feature)
        key = str(word.get("key") or "")
        if not text or any(key in task.tags for task in tasks):
            return
        title = f"Do what {word.get('by') or 'a person'} asked: {' '.join(text.split())}"
        task = asked_task(self._context, tasks, title[:120], (text[:4000],), ("asked", key))
        roadmap.add_task(task, self._context.change(f"asked for by {word.get('by') or 'a person'}"))
        roadmap.move_feature(self._context.feature, "in_progress", self._context.change("a person asks for more"))

    def _unticked(self) -> PlanEdit:
        """Return the tasks whose boxes a person has emptied in the comment that shows the plan."""
        host, mark = self._context.desk.host, marker("kickoff", self._context.feature_key)
        me = host.viewer()
        shown = [c.body for c in host.comments(self._context.state.issue) if c.author == me and c.body.startswith(mark)]
        boxes = BOX.finditer(shown[-1]) if shown else ()
        return PlanEdit(drop=[box["key"] for box in boxes if box["mark"] == " "])

    def _edited(self, plan: Plan, edit: PlanEdit) -> Plan:
        """Return the plan as the edit wants it; raises `SpecInvalid`."""
        tasks = {task.key: task for task in self._crew.roadmap.tasks(self._context.feature)}
        listed = {task.id for task in edit.tasks or ()}
        gone = [key for key in plan.names if _status(tasks, key) == "cancelled" and key not in listed]
        edit = edit.model_copy(update={"drop": [*edit.drop, *(key for key in gone if key not in edit.drop)]})
        proposal = edited(plan.proposal, edit, plan.names)
        problems = [*_begun_problems(plan, tasks, proposal.tasks), *_named(validate_plan(proposal), plan)]
        if problems:
            raise SpecInvalid("the edited plan does not hold together", problems, "mend what is named, send it again")
        kept = {task.ref for task in proposal.tasks}
        keys = {ref: key for key, ref in plan.names.items() if ref in kept}
        return make_plan(plan.issue, proposal, keys, used=tasks)

    def _answer(self, word: Result, fault: SpecInvalid) -> None:
        """Say on the issue why an edit was not taken over."""
        lines = [f"The plan stays as it is, {word.get('by') or 'dear reader'}: {quiet(fault.message)}.", ""]
        lines += [
            f"- `{problem.path}` {quiet(problem.message)}: {quiet(problem.hint)}" for problem in fault.problems[:20]
        ]
        if fault.hint:
            lines += ["", f"What to do: {quiet(fault.hint)}."]
        self._context.desk.host.upsert_comment(
            self._context.state.issue, marker("edit", str(word.get("key") or "approve")), "\n".join(lines)
        )


def asked_task(
    context: ThreadContext, tasks: list[Task], title: str, done_when: tuple[str, ...], tags: tuple[str, ...]
) -> Task:
    """Return one more task of the feature, after all others, for what somebody asked."""
    repository = context.state.repository
    key = task_key(context.state.issue, len(tasks) + 1)
    return Task(
        id=f"{repository}/{key}",
        key=key,
        feature_id=context.feature,
        title=title,
        kind="code",
        assignee=Role.CODER,
        priority="high",
        done_when=done_when,
        tags=tags,
        depends_on=tuple(task.id for task in tasks if task.status != "cancelled"),
        touches=(),
    )


def _edit_of(word: Result) -> PlanEdit:
    drop = word.get("drop")
    if isinstance(drop, list):
        return PlanEdit(drop=[str(key) for key in drop])
    return read_edit(str(word.get("yaml") or ""))


def _status(tasks: dict[str, Task], key: str) -> str:
    return str(tasks[key].status) if key in tasks else "open"


def _begun_problems(plan: Plan, tasks: dict[str, Task], wanted: list[PlanTask]) -> list[Problem]:
    """Return the tasks that have begun and are not left as they are."""
    after = {task.ref: task for task in wanted}
    return [
        Problem(planned.key, f"has begun ({status}) and stays as it is", "leave it, or stop it first")
        for planned in plan.tasks
        if (status := _status(tasks, planned.key)) not in ("open", "cancelled")
        and after.get(planned.task.ref) != planned.task
    ]


def _named(problems: list[Problem], plan: Plan) -> list[Problem]:
    """Return problems with the keys that people see in place of the proposal's refs."""
    keys = {ref: key for key, ref in plan.names.items()}

    def named(text: str) -> str:
        return re.sub(r"\bT\d{1,3}\b", lambda found: keys.get(found[0], found[0]), text)

    return [Problem(problem.path, named(problem.message), named(problem.hint)) for problem in problems]
