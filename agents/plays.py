"""Which code plays which role."""

from __future__ import annotations

from pydantic import JsonValue

from agents import coder, docgen, integrator, opencode, planner, researcher, reviewer, tester
from agents.crew import TurnContext
from agents.engine import Play


def _code(context: TurnContext) -> dict[str, JsonValue]:
    """The Coder codes in our own loop, or has opencode do it."""
    return opencode.work(context) if context.crew.settings.coder_seat == "opencode" else coder.work(context)


def _test(context: TurnContext) -> dict[str, JsonValue]:
    """The Tester judges, unless the task itself is the Tester's: then it takes the Coder's seat first."""
    return tester.test(context) if "kind" in context.turn.payload else coder.work(context)


PLAYS: dict[str, Play] = {
    "planner": planner.plan_feature,
    "researcher": researcher.research,
    "coder": _code,
    "docgen": docgen.work,
    "tester": _test,
    "reviewer": reviewer.review,
    "integrator": integrator.integrate,
}
