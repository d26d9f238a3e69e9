"""The Planner: from an issue and facts about the repository to a validated plan."""

from __future__ import annotations

import re

from pydantic import JsonValue

from agents.crew import TurnContext
from agents.errors import PlanRefused
from agents.feedback import is_own_text, may_decide, unheeded
from agents.fitting import Prompt, complete_fitting
from agents.journal import CommandResult
from agents.plans import load_plan, make_plan, store_plan, with_documentation
from agents.surroundings import Surroundings, look_around
from prompts import render
from specs import PlanProposal, disarmed, plan_yaml, validate_plan
from tools.errors import StructuredReplyInvalid
from tools.model import Message

BARE_COMMAND = re.compile(r"/roadcrew\s+\w+")
"""A command with no words behind it tells a Planner nothing."""
BEGINNING = 1_500
"""Characters of each file that are shown where more does not fit into the model's context."""
SHORT_TREE = 4_000
"""Characters of the list of files, where all of it does not fit."""
BODY_LIMIT = 30_000
"""Characters of an issue that the Planner reads."""


def plan_feature(context: TurnContext) -> dict[str, JsonValue]:
    """Return the reference of a stored plan; raises `PlanRefused` when there is nothing to plan."""
    seen = Facts.model_validate(
        context.journal.command("facts", {"issue": context.thread.issue}, lambda: _facts(context))
    )
    if not (seen.title + seen.body).strip():
        raise PlanRefused(
            f"issue #{context.thread.issue} is empty",
            "write into the issue what should be different when it is done",
        )
    baseline = context.turn.payload["baseline"]
    prompts = [
        Prompt(
            left_out,
            (
                Message(role="system", content=render("planner_system")),
                Message(role="user", content=_task(context, facts, baseline)),
            ),
        )
        for left_out, facts in _shorter(seen)
    ]
    try:
        proposal = complete_fitting(context, prompts, PlanProposal, lambda proposal: _problems(context, proposal))
    except StructuredReplyInvalid as fault:
        raise PlanRefused(
            f"the model gave no valid plan for issue #{context.thread.issue} in three tries: {fault.message}",
            "say more clearly in the issue what is wanted, or set another model for the Planner",
        ) from fault
    if proposal.cannot_do:
        raise PlanRefused(f"there is no plan for issue #{context.thread.issue}: {proposal.cannot_do}", "edit the issue")
    plan = make_plan(context.thread.issue, with_documentation(proposal))
    ref = store_plan(context.crew, context.feature, plan)
    return {
        "plan": ref.model_dump(mode="json"),
        "verdict": f"{len(plan.tasks)} tasks: " + ", ".join(task.key for task in plan.tasks),
    }


def _problems(context: TurnContext, proposal: PlanProposal) -> list[str]:
    """Return what is wrong with a proposal, each problem with its hint; what was said of it stands in the audit."""
    found = [] if proposal.cannot_do else validate_plan(proposal)
    problems = [f"{problem.path}: {problem.message}. {problem.hint}" for problem in found]
    reasons = problems or [f"said as plain text alone: {one}" for one in _disarmed(proposal)]
    context.note("plan", "denied" if problems else "allowed", reasons, proposal.title, proposal.model_dump_json())
    return problems


def _disarmed(proposal: PlanProposal) -> tuple[str, ...]:
    """Return what of a plan would call people, close issues, sign or leave out checks where the code host reads it."""
    said = [proposal.title, proposal.summary, *proposal.assumptions]
    said += [text for task in proposal.tasks for text in (task.title, *task.done_when)]
    return disarmed("\n".join(said))


class Facts(Surroundings):
    """What the Planner is told: the issue and the repository."""

    title: str
    body: str
    author: str
    comments: str


def _facts(context: TurnContext) -> CommandResult:
    """Read the issue and the base commit."""
    host = context.desk.host
    issue = host.issue(context.thread.issue)
    baseline = context.turn.payload["baseline"]
    base = str(baseline["base"]) if isinstance(baseline, dict) else ""
    around = look_around(context.mirror_with(base), base, [issue.title, (issue.body or "")[:BODY_LIMIT]])
    facts = Facts(
        **around.model_dump(),
        title=issue.title[:500],
        body=(issue.body or "")[:BODY_LIMIT],
        author=issue.author,
        comments=_comments(context),
    )
    return CommandResult(reply=facts.model_dump(mode="json"))


def _shorter(seen: Facts) -> list[tuple[str, Facts]]:
    """Return the facts, whole and with less and less of the repository, each with what is left out in words."""
    begun = [
        excerpt.model_copy(
            update={"text": excerpt.text[:BEGINNING], "cut": excerpt.cut or len(excerpt.text) > BEGINNING}
        )
        for excerpt in seen.excerpts
    ]
    bare: dict[str, object] = {"excerpts": [], "tree": seen.tree[:SHORT_TREE]}
    return [
        ("", seen),
        (f"what follows the first {BEGINNING} characters of each file", seen.model_copy(update={"excerpts": begun})),
        ("the text of all files", seen.model_copy(update={"excerpts": []})),
        ("the text of all files and the end of their list", seen.model_copy(update=bare)),
    ]


def _comments(context: TurnContext) -> str:
    """Return the comments of people who may steer the work, the team's own text left out."""
    host = context.desk.host
    heard: list[str] = []
    for comment in host.comments(context.thread.issue):
        if is_own_text(host, comment) or BARE_COMMAND.fullmatch(comment.body.strip()):
            continue
        if may_decide(host, comment.author):
            heard.append(f"{comment.author}: {comment.body[:4000]}")
        else:
            context.crew.audit.once(unheeded(comment.author, "comment", comment.id), context.feature)
    return "\n\n".join(heard[-20:])


def _again(context: TurnContext) -> dict[str, str] | None:
    """Return the plan that a person sent back and what they said to it; None at the first planning."""
    before, word = context.turn.payload.get("before"), context.turn.payload.get("word")
    if not isinstance(before, dict) or not isinstance(word, dict):
        return None
    plan = load_plan(context.crew, before)
    return {
        "by": str(word.get("by") or "a person"),
        "text": str(word.get("text") or "(no words: plan it another way)")[:BODY_LIMIT],
        "plan": plan_yaml(plan.proposal, {task.task.ref: task.task.ref for task in plan.tasks}),
    }


def _task(context: TurnContext, seen: Facts, baseline: JsonValue) -> str:
    base = baseline if isinstance(baseline, dict) else {}
    return render(
        "planner_task",
        issue={"number": context.thread.issue, "author": seen.author, "title": seen.title, "body": seen.body},
        repository=context.thread.repository,
        comments=seen.comments,
        facts={
            "empty": seen.empty,
            "branch": base.get("branch"),
            "commit": str(base.get("base"))[:12],
            "files": seen.files,
            "languages": seen.languages,
            "notes": base.get("notes") or [],
        },
        suite_command=base.get("suite_command") or "",
        base_verdict=base.get("verdict"),
        base_tail=base.get("tail") or "",
        tree=seen.tree,
        wishes=seen.wishes,
        excerpts=[excerpt.model_dump() for excerpt in seen.excerpts],
        again=_again(context),
    )
