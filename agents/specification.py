"""The specification on the feature branch: written when the branch is opened, kept in line with the plan since."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from pydantic import JsonValue

from agents.crew import ThreadContext
from agents.errors import TurnFailed
from agents.plans import Plan, load_plan
from agents.tasks import added_task
from graph import Task
from policies import Action
from specs import PlanTask, quiet, to_task_specs, write_feature_specs
from tools.artifacts import ArtifactRef
from tools.codehost import CommitStatus
from tools.errors import PushRejected

logger = logging.getLogger(__name__)

Result = dict[str, JsonValue]
TICKED = frozenset({"verified", "done", "deployed"})
OURS = r"specs/{issue:03d}-[^/]+/(?:(?:spec|plan|tasks|research)\.md|tasks/T-\d+\.yaml)"
"""The files of a feature's specification, under whatever title it had."""
TRIES = 4
"""Pushes that are tried while tasks are merged into the same branch."""


class Specification:
    """Writes a feature's specification; a state that is there already is not written again."""

    def __init__(self, context: ThreadContext) -> None:
        self._context = context
        self._crew = context.crew

    def open_branch(self, plan_result: Result, baseline: Result, research: Result) -> str:
        """Open the feature branch with the specification as its first commit; return its name."""
        mirror, branch = self._context.desk.mirror, self._context.branch
        if self._context.desk.host.branch_head(branch) is None:
            plan = load_plan(self._crew, plan_result)
            report = self._crew.artifacts.get(ArtifactRef.model_validate(research["research"])).decode()
            mirror.fetch()
            edits = self._texts(plan, [], report, _suite(baseline))
            mirror.create_branch(branch, mirror.commit_edits(str(baseline["base"]), edits, self._message(plan)))
        return branch

    def bring_in_line(self, plan_result: Result, baseline: Result) -> None:
        """Commit the specification anew where a person has changed the plan since; what is as it was stays."""
        plan = load_plan(self._crew, plan_result)
        tasks = [task for task in self._crew.roadmap.tasks(self._context.feature) if task.status != "cancelled"]
        for trial in range(1, TRIES + 1):
            try:
                return self._commit(plan, tasks, _suite(baseline))
            except PushRejected as fault:
                if fault.reason != "moved" or trial == TRIES:
                    raise
                logger.info("%s moved while its specification was written; once more", self._context.branch)
        return None

    def _commit(self, plan: Plan, tasks: Sequence[Task], suite: str) -> None:
        mirror, branch = self._context.desk.mirror, self._context.branch
        mirror.fetch()
        head = mirror.require(branch)
        ours = re.compile(OURS.format(issue=self._context.state.issue))
        there = [entry.path for entry in mirror.files(head) if ours.fullmatch(entry.path)]
        edits: dict[str, bytes | str | None] = dict.fromkeys(there)
        edits |= self._texts(plan, tasks, "", suite)
        # What was looked up stays as it is, also where the title, and with it the folder, is another now.
        research = next((path for path in there if path.endswith("/research.md")), None)
        if research is not None:
            edits[next(path for path in edits if edits[path] and path.endswith("/research.md"))] = mirror.read(
                head, research
            )
        tree = mirror.edit_tree(head, edits)
        if tree == mirror.tree_of(head):
            return
        self._allow(branch)
        commit = mirror.commit_tree(tree, [head], self._message(plan, again=True))
        mirror.push(branch, commit, expected_old=head)
        self._keep_statuses(head, commit)

    def _texts(self, plan: Plan, tasks: Sequence[Task], research: str, suite: str) -> dict[str, str]:
        """Return the files; tasks that were added since the plan was made are listed behind the planned ones."""
        keys = {planned.task.ref: planned.key for planned in plan.tasks}
        proposal = plan.proposal
        extras = _extras(keys, tasks)
        proposal = proposal.model_copy(update={"tasks": [*proposal.tasks, *extras.values()]})
        keys |= {task.ref: key for key, task in extras.items()}
        state = self._context.state
        specs = to_task_specs(proposal, state.issue, state.repository, suite or None, keys)
        done = [task.key for task in tasks if task.status in TICKED]
        return write_feature_specs(self._context.feature_key, proposal.title, proposal, specs, research, done)

    def _message(self, plan: Plan, again: bool = False) -> str:
        what = "specification in line with the plan" if again else "specification"
        return f"{quiet(plan.proposal.title)}: {what}\n\nRoadcrew-Feature: {self._context.feature_key}\n"

    def _allow(self, branch: str) -> None:
        """Ask the policy; raises `TurnFailed`."""
        action = Action(
            role="integrator", tool="push", repository=self._context.state.repository, arguments={"branch": branch}
        )
        decision = self._crew.policy.decide(action)
        self._context.note_decision("push", decision, f"the specification to {branch}")
        if not decision.allowed:
            raise TurnFailed(
                f"policy refuses the push to {branch}: {'; '.join(decision.reasons)}", "see policies/rules"
            )

    def _keep_statuses(self, before: str, commit: str) -> None:
        """Carry our own green statuses over: no file that a suite or a review looks at has changed."""
        host = self._context.desk.host
        for check in host.check_state(before).checks:
            if _is_own_green(check):
                text = f"as on {before[:12]}, only the specification changed: {check.description}"
                host.set_status(commit, check.name, "success", text)


def _is_own_green(check: CommitStatus) -> bool:
    return check.kind == "status" and check.state == "success" and check.name.startswith("roadcrew/")


def _extras(keys: dict[str, str], tasks: Sequence[Task]) -> dict[str, PlanTask]:
    """Return the tasks that no plan holds, by their keys, with refs and dependencies as a plan has them."""
    planned = set(keys.values())
    added = sorted((task for task in tasks if task.key not in planned), key=lambda task: task.key)
    refs = {key: ref for ref, key in keys.items()}
    free = (ref for number in range(1, 1000) if (ref := f"T{number}") not in keys)
    refs |= {task.key: next(free) for task in added}
    extras = {}
    for task in added:
        body = added_task(task)
        needs = [refs[key] for key in body.depends_on if key in refs]
        extras[task.key] = body.task.model_copy(update={"ref": refs[task.key], "depends_on": needs})
    return extras


def _suite(baseline: Result) -> str:
    return str(baseline.get("suite_command") or "")
