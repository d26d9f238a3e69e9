"""The Integrator's turn: merge a signed-off task into the feature branch, with a green suite on the merged head."""

from __future__ import annotations

from pydantic import JsonValue

from agents.crew import TurnContext, decision_word
from agents.documentation import feature_base
from agents.errors import TurnFailed
from agents.handover import Handover, handed_over
from agents.ids import branch_of, key_of, round_folder
from agents.journal import CommandResult
from agents.suites import suite_at
from agents.tasks import planned_task
from policies import Action
from specs import quiet
from tools.mirror import Mirror
from tools.suite import SuiteReport, compare

TRAILER = "Roadcrew-Task"


def integrate(context: TurnContext) -> dict[str, JsonValue]:
    """Merge one task; return the merged head, or what stands in the way and where the Coder goes on."""
    work = handed_over(context)
    reply = context.journal.command("integrate", {"commit": work.commit}, lambda: _integrate(context, work))
    if not isinstance(reply, dict):
        raise TypeError("the integrate command's reply is an object")
    return reply


def _integrate(context: TurnContext, work: Handover) -> CommandResult:
    mirror = work.fetch(context)
    mirror.fetch()
    branch = branch_of(context.thread.issue)
    head = mirror.require(branch)
    trace = mirror.find_trailer(branch, TRAILER, _trace(context), since=feature_base(context, head))
    if trace is not None:  # a run before this one merged, and may have ended before it told the code host
        _tell_checks(context, trace, "green when it was merged")
        return CommandResult(reply={"merged": trace, "verdict": f"merged into {branch} before"})
    merged = mirror.merge_trees(head, work.commit)
    commit = mirror.commit_tree(merged.tree, (head,), _message(context))
    if merged.conflicts:
        paths = list(merged.conflicts)
        return _back(context, work, head, commit, f"conflicts in {', '.join(paths)}", paths)
    report = suite_at(context, mirror, commit)
    if report.junit:
        context.crew.artifacts.put(
            f"{round_folder(context.thread.id, context.turn.round)}/merged/junit.xml", report.junit.encode()
        )
    difference = compare(suite_at(context, mirror, head), report)
    if not report.completed or difference.broken or set(report.failing) - set(difference.still_failing):
        return _back(context, work, head, commit, f"red on the merged head: {report.verdict}", [], report)
    _allow_push(context, branch, commit)
    context.check_lease()
    mirror.push(branch, commit, expected_old=head)
    _tell_checks(context, commit, report.verdict)
    verdict = f"merged into {branch}: {report.verdict}"
    return CommandResult(reply={"merged": commit, "tested": commit, "verdict": verdict})


def _tell_checks(context: TurnContext, commit: str, verdict: str) -> None:
    """Set both checks of a merged commit; only what is green and signed off is ever merged."""
    context.desk.host.set_status(commit, "roadcrew/tests", "success", verdict)
    context.desk.host.set_status(commit, "roadcrew/review", "success", "signed off by the Reviewer")


def _back(
    context: TurnContext,
    work: Handover,
    head: str,
    commit: str,
    verdict: str,
    conflicts: list[str],
    report: SuiteReport | None = None,
) -> CommandResult:
    """Return the merged state, conflict markers and all, for the Coder to go on from."""
    mirror: Mirror = context.desk.mirror
    name = f"tasks/{context.thread.id}/merge-{context.turn.round}.bundle"
    bundle = context.crew.artifacts.put(name, mirror.bundle(head, commit))
    reply: dict[str, JsonValue] = {
        "merged": None,
        "onto": head,
        "commit": commit,
        "bundle": bundle.model_dump(mode="json"),
        "conflicts": list(conflicts),
        "verdict": verdict,
        "tail": report.tail if report else "",
        "tested": commit if report else None,
    }
    return CommandResult(reply=reply)


def _message(context: TurnContext) -> str:
    planned = planned_task(context)
    return (
        f"{planned.key}: {quiet(planned.task.title)}\n\n"
        f"{TRAILER}: {_trace(context)}\nRoadcrew-Feature: {key_of(context.feature)}\n"
    )


def _trace(context: TurnContext) -> str:
    return f"{context.task_key}"


def _allow_push(context: TurnContext, branch: str, commit: str) -> None:
    """Ask the policy; raises `TurnFailed`."""
    action = Action(role="integrator", tool="push", repository=context.thread.repository, arguments={"branch": branch})
    decision = context.policy.decide(action)
    context.note("push", decision_word(decision), decision.reasons, f"{commit} to {branch}", commit)
    if not decision.allowed:
        raise TurnFailed(f"policy refuses the push to {branch}: {'; '.join(decision.reasons)}", "see policies/rules")
