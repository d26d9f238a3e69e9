"""The flow of one feature: baseline, plan, research, kick-off, its tasks, the pull request, the end.

State holds ids, verdicts and artifact references only. A node that wants long work interrupts; see `agents.wants`.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import JsonValue

from agents.crew import ThreadContext
from agents.delivery import Inspection, PullRequestDesk
from agents.kickoff import Kickoff
from agents.schedule import next_tasks
from agents.turns import WantedTurn
from agents.wants import PersonWant, PullRequestWant, TasksWant, TurnWant

Result = dict[str, JsonValue]


class FeatureState(TypedDict, total=False):
    """Where a feature's delivery stands."""

    thread: str
    baseline: Result
    """The base commit, its suite's verdict and how the suite is run."""
    plan: Result
    """The reference of the plan in the artifact store, and its verdict."""
    research: Result
    pull_request: int
    handled: list[str]
    """Reviews, comments and red checks that a revision has answered already."""
    inspection: Result
    cancelled: bool
    outcome: Result


class FeatureFlow:
    """The nodes of a feature's flow, acting for one thread under its lease."""

    def __init__(self, context: ThreadContext) -> None:
        self._context = context
        self._kickoff = Kickoff(context)
        self._delivery = PullRequestDesk(context)

    def build(self) -> StateGraph[Any, Any, Any, Any]:
        """Wire the nodes."""
        graph: StateGraph[Any, Any, Any, Any] = StateGraph(FeatureState)
        nodes = (
            "baseline",
            "plan",
            "record",
            "approve",
            "research",
            "kick_off",
            "schedule",
            "open_pull_request",
        )
        for name in (*nodes, "wait", "inspect", "revise", "merge", "finish"):
            graph.add_node(name, getattr(self, name))
        graph.add_edge(START, "baseline")
        for before, after in zip(nodes, nodes[1:], strict=False):
            if before != "schedule":
                graph.add_edge(before, after)
        graph.add_conditional_edges("schedule", self.after_schedule, ["schedule", "open_pull_request", "finish"])
        graph.add_edge("open_pull_request", "inspect")
        graph.add_edge("wait", "inspect")
        graph.add_conditional_edges("inspect", self.after_inspect, ["wait", "revise", "merge", "finish"])
        graph.add_edge("revise", "schedule")
        graph.add_conditional_edges("merge", self.after_merge, ["wait", "finish"])
        graph.add_edge("finish", END)
        return graph

    def baseline(self, state: FeatureState) -> FeatureState:
        """Have the suite run on the base commit, before anything is planned."""
        result = self._turn("tester", {"kind": "baseline"})
        self._kickoff.say_baseline(result)
        return {"baseline": result, "handled": []}

    def plan(self, state: FeatureState) -> FeatureState:
        """Have the issue turned into a specification and tasks."""
        return {"plan": self._turn("planner", {"baseline": state["baseline"]})}

    def record(self, state: FeatureState) -> FeatureState:
        """Write the feature and its tasks to the roadmap."""
        self._kickoff.record(state["plan"], state["baseline"])
        return {}

    def approve(self, state: FeatureState) -> FeatureState:
        """Wait for a person's word on the plan where that is asked for."""
        if self._context.crew.settings.approve_plan:
            self._kickoff.comment(state["plan"], state["baseline"], branch=None)
            question = f"the plan of {self._context.feature_key} waits for approval"
            interrupt(PersonWant(question=question, accepts=("approve",)).model_dump(mode="json"))
        return {}

    def research(self, state: FeatureState) -> FeatureState:
        """Have the facts looked up that the Coders need."""
        return {"research": self._turn("researcher", {"plan": state["plan"], "baseline": state["baseline"]})}

    def kick_off(self, state: FeatureState) -> FeatureState:
        """Open the feature branch with the specification on it, and say so on the issue."""
        branch = self._kickoff.open_branch(state["plan"], state["baseline"], state["research"])
        self._kickoff.comment(state["plan"], state["baseline"], branch)
        return {}

    def schedule(self, state: FeatureState) -> FeatureState:
        """Start every task that is ready and wait for one to end."""
        step = next_tasks(self._context)
        self._kickoff.comment(state["plan"], state["baseline"], self._context.branch)
        if step.cancelled:
            return {"cancelled": True}
        if not step.unfinished:
            return {}
        interrupt(TasksWant(start=step.start).model_dump(mode="json"))
        return {}

    def after_schedule(self, state: FeatureState) -> Literal["schedule", "open_pull_request", "finish"]:
        """Open the pull request when all tasks are in."""
        if state.get("cancelled"):
            return "finish"
        return "schedule" if next_tasks(self._context).unfinished else "open_pull_request"

    def open_pull_request(self, state: FeatureState) -> FeatureState:
        """Open the pull request, or update the one that is open."""
        return {"pull_request": self._delivery.open(state["plan"], state["baseline"])}

    def inspect(self, state: FeatureState) -> FeatureState:
        """Look at the pull request as it stands now."""
        seen = self._delivery.inspect(state["pull_request"], state["handled"])
        return {"inspection": seen.model_dump(mode="json")}

    def after_inspect(self, state: FeatureState) -> Literal["wait", "revise", "merge", "finish"]:
        """Merge, revise, end or go on waiting."""
        return Inspection.model_validate(state["inspection"]).step

    def wait(self, state: FeatureState) -> FeatureState:
        """Wait for news of the pull request."""
        seen = Inspection.model_validate(state["inspection"])
        want = PullRequestWant(number=state["pull_request"], waits_for=seen.waits_for)
        interrupt(want.model_dump(mode="json"))
        return {}

    def revise(self, state: FeatureState) -> FeatureState:
        """Plan one more task that answers the review or the red check."""
        seen = Inspection.model_validate(state["inspection"])
        self._delivery.add_revision(state["pull_request"], seen)
        return {"handled": [*state["handled"], *seen.asks]}

    def merge(self, state: FeatureState) -> FeatureState:
        """Merge the pull request as the branch's protection allows."""
        seen = self._delivery.merge(state["pull_request"], Inspection.model_validate(state["inspection"]))
        return {"inspection": seen.model_dump(mode="json")}

    def after_merge(self, state: FeatureState) -> Literal["wait", "finish"]:
        """A refused merge goes back to waiting."""
        return "finish" if Inspection.model_validate(state["inspection"]).step == "finish" else "wait"

    def finish(self, state: FeatureState) -> FeatureState:
        """Record the end in the roadmap and on the issue."""
        if state.get("cancelled"):
            return {"outcome": {"verdict": "cancelled"}}
        seen = Inspection.model_validate(state["inspection"])
        outcome = self._delivery.finish(state["pull_request"], seen)
        self._kickoff.comment(state["plan"], state["baseline"], self._context.branch)
        return {"outcome": outcome}

    def _turn(self, role: str, payload: dict[str, JsonValue]) -> Result:
        answer: Result = interrupt(TurnWant(turn=WantedTurn(role=role, payload=payload)).model_dump(mode="json"))
        return answer
