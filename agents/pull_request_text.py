"""The pull request's text: what it does, task by task, on what evidence, at what cost."""

from __future__ import annotations

from pydantic import JsonValue

from agents.crew import ThreadContext
from agents.feature_documentation import documentation_lines
from agents.plans import Plan
from agents.turns import TurnState
from specs import quiet


def pull_request_text(
    context: ThreadContext, plan: Plan, turns: list[TurnState], documentation: dict[str, JsonValue]
) -> str:
    """Return the Markdown body of the feature's pull request."""
    lines = [
        quiet(plan.proposal.summary),
        "",
        f"Fixes #{context.state.issue}",
        "",
        "| task | status | rounds | tests |",
        "|---|---|---|---|",
    ]
    for task in context.crew.roadmap.tasks(context.feature):
        mine = [turn for turn in turns if turn.thread == task.id]
        rounds = max((turn.round for turn in mine), default=0)
        lines.append(f"| {task.key} {cell(task.title)} | {task.status} | {rounds} | {cell(_tests(mine))} |")
    lines += documentation_lines(turns, documentation)
    if plan.proposal.new_dependencies:
        lines += [
            "",
            "New packages: " + ", ".join(quiet(f"`{new.requirement}`") for new in plan.proposal.new_dependencies),
        ]
    if plan.proposal.assumptions:
        lines += ["", "Assumptions:", *(f"- {quiet(assumption)}" for assumption in plan.proposal.assumptions)]
    lines += ["", _cost(turns)]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Return text that cannot break a Markdown table, and reaches nobody by itself."""
    return quiet(" ".join(text.split())).replace("|", "\\|")


def _tests(turns: list[TurnState]) -> str:
    """Return the Tester's last verdict."""
    verdicts = [str(turn.result.get("verdict", "")) for turn in turns if turn.role == "tester" and turn.result]
    return verdicts[-1] if verdicts else ""


def _cost(turns: list[TurnState]) -> str:
    calls = sum(turn.model_calls for turn in turns)
    tokens = sum(turn.tokens for turn in turns)
    costs = [turn.cost_usd for turn in turns if turn.cost_usd is not None]
    money = f", {sum(costs):.2f} US dollars" if costs else ""
    return f"{calls} model calls, {tokens:,} tokens{money}."
