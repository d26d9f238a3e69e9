"""The flow of one feature: baseline, plan, approval, research, kick-off, its tasks, the pull request, the end.

State holds ids, verdicts and artifact references only. A node that wants long work interrupts; see `agents.wants`.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import JsonValue

from agents.crew import ThreadContext
from agents.delivery import Inspection, PullRequestDesk
from agents.feature_documentation import FeatureDocumentation
from agents.feature_files import FeatureFiles
from agents.kickoff import Kickoff
from agents.nodes import node
from agents.schedule import next_tasks
from agents.specification import Specification
from agents.steering import Steering
from agents.turns import WantedTurn
from agents.wants import PersonWant, PullRequestWant, TasksWant, TurnWant

Result = dict[str, JsonValue]


NODES = (
    *("baseline", "plan", "record", "propose", "approve", "adopt", "research", "kick_off", "schedule", "extend"),
    *("document", "open_pull_request", "inspect", "wait", "revise", "merge", "finish"),
)
EDGES = {
    START: "baseline",
    "baseline": "plan",
    "plan": "record",
    "adopt": "record",
    "research": "kick_off",
    "kick_off": "schedule",
    "extend": "schedule",
    "open_pull_request": "inspect",
    "revise": "schedule",
    "finish": END,
}
CHOICES = {
    "propose": ("after_propose", ("approve", "research")),
    "approve": ("after_approve", ("adopt", "plan")),
    "record": ("after_record", ("propose", "schedule")),
    "schedule": ("after_schedule", ("schedule", "adopt", "extend", "document", "finish")),
    "document": ("after_document", ("schedule", "open_pull_request")),
    "wait": ("after_wait", ("inspect", "adopt", "extend")),
    "inspect": ("after_inspect", ("wait", "revise", "merge", "finish")),
    "merge": ("after_merge", ("wait", "finish")),
}
"""What is chosen after a node, by the method of that name, and from what."""


class FeatureState(TypedDict, total=False):
    """Where a feature's delivery stands."""

    thread: str
    baseline: Result
    """The base commit, its suite's verdict and how the suite is run."""
    plan: Result
    """The reference of the plan in the artifact store, and its verdict."""
    word: Result
    """What a person said last to the plan: a letter of kind `approve`, `edit` or `replan`; empty when it is done."""
    answered: list[str]
    """Keys of the letters by which people changed the plan so far; one that is met again is not answered again."""
    plans: int
    """How often the Planner has planned."""
    approved: bool
    kicked_off: bool
    research: Result
    documentation: Result
    """Whether documentation was missing when all tasks were in, and the sentence that says so."""
    pull_request: int
    handled: list[str]
    """Reviews, comments and red checks that a revision has answered already."""
    inspection: Result
    cancelled: bool
    closed: bool
    """Whether a person closed the pull request while its review was answered."""
    outcome: Result


class FeatureFlow:
    """The nodes of a feature's flow, acting for one thread under its lease."""

    def __init__(self, context: ThreadContext) -> None:
        self._context = context
        self._kickoff = Kickoff(context)
        self._steering = Steering(context)
        self._specification = Specification(context)
        self._delivery = PullRequestDesk(context)
        self._files = FeatureFiles(context)

    def baseline(self, state: FeatureState) -> FeatureState:
        """Have the suite run on the base commit, before anything is planned."""
        result = self._turn("tester", {"kind": "baseline"})
        self._kickoff.say_baseline(result)
        return {"baseline": result, "handled": []}

    def plan(self, state: FeatureState) -> FeatureState:
        """Have the issue turned into a specification and tasks, or planned anew as a person asks."""
        number = state.get("plans", 0) + 1
        payload: Result = {"baseline": state["baseline"]}
        if state.get("word"):
            payload |= {"before": state["plan"], "word": state["word"]}
        return {"plan": self._turn("planner", payload, number), "plans": number, "word": {}}

    def record(self, state: FeatureState) -> FeatureState:
        """Write the feature and its tasks to the roadmap, and a plan changed on the way to the feature branch."""
        self._kickoff.record(state["plan"])
        self._files.planned(state["baseline"], state["plan"])
        if state.get("kicked_off"):
            self._specification.bring_in_line(state["plan"], state["baseline"])
            self._files.specified()
        return {}

    def after_record(self, state: FeatureState) -> Literal["propose", "schedule"]:
        """Go on where the plan was changed."""
        return "schedule" if state.get("kicked_off") else "propose"

    def propose(self, state: FeatureState) -> FeatureState:
        """Show the plan on the issue where a person is asked about it."""
        if state.get("approved") or not self._steering.asks_for_approval(state["baseline"]):
            return {"approved": True}
        self._kickoff.propose(state["plan"])
        return {"approved": False}

    def after_propose(self, state: FeatureState) -> Literal["approve", "research"]:
        """Wait only where somebody is asked."""
        return "research" if state["approved"] else "approve"

    def approve(self, state: FeatureState) -> FeatureState:
        """Wait for a person's word on the plan."""
        question = f"the plan of {self._context.feature_key} waits for approval"
        want = PersonWant(question=question, accepts=("approve", "edit", "replan"))
        return _heard(state, interrupt(want.model_dump(mode="json")))

    def after_approve(self, state: FeatureState) -> Literal["adopt", "plan"]:
        """Take over what was approved or edited; plan anew where that was asked."""
        return "plan" if state["word"].get("kind") == "replan" else "adopt"

    def adopt(self, state: FeatureState) -> FeatureState:
        """Take over the plan as a person left it: its check list when approved, or the edit."""
        plan = self._steering.adopt(state["plan"], state["word"])
        approved = state.get("approved", False) or (plan is not None and state["word"].get("kind") == "approve")
        return {"plan": plan or state["plan"], "word": {}, "approved": approved}

    def research(self, state: FeatureState) -> FeatureState:
        """Have the facts looked up that the Coders need."""
        return {"research": self._turn("researcher", {"plan": state["plan"], "baseline": state["baseline"]})}

    def kick_off(self, state: FeatureState) -> FeatureState:
        """Open the feature branch with the specification on it, and say so on the issue."""
        branch = self._specification.open_branch(state["plan"], state["baseline"], state["research"])
        self._files.researched(state["research"])
        self._files.specified()
        self._kickoff.comment(state["plan"], branch)
        return {"kicked_off": True}

    def schedule(self, state: FeatureState) -> FeatureState:
        """Start every task that is ready and wait for one to end."""
        if (seen := self._delivery.closed(state.get("pull_request"))) is not None:
            return {"inspection": seen.model_dump(mode="json"), "closed": True}
        step = next_tasks(self._context)
        self._kickoff.comment(state["plan"], self._context.branch)
        if step.cancelled:
            return {"cancelled": True}
        if not step.unfinished:
            return {}
        return _heard(state, _steering(interrupt(TasksWant(start=step.start).model_dump(mode="json"))))

    def after_schedule(self, state: FeatureState) -> Literal["schedule", "adopt", "extend", "document", "finish"]:
        """Look at the documentation when all tasks are in."""
        if state.get("cancelled") or state.get("closed"):
            return "finish"
        if state.get("word"):
            return "adopt" if state["word"].get("kind") == "edit" else "extend"
        return "schedule" if next_tasks(self._context).unfinished else "document"

    def document(self, state: FeatureState) -> FeatureState:
        """Add a task for what the feature must have documented and nobody has."""
        return {"documentation": FeatureDocumentation(self._context).settle(state["baseline"])}

    def after_document(self, state: FeatureState) -> Literal["schedule", "open_pull_request"]:
        """Open the pull request when the documentation is there."""
        return "schedule" if state["documentation"].get("added") else "open_pull_request"

    def extend(self, state: FeatureState) -> FeatureState:
        """Add one task to the roadmap for what a person asked while the work is under way."""
        self._steering.extend(state["word"])
        self._specification.bring_in_line(state["plan"], state["baseline"])
        self._files.specified()
        return {"word": {}}

    def open_pull_request(self, state: FeatureState) -> FeatureState:
        """Open the pull request, or update the one that is open."""
        number = self._delivery.open(
            state["plan"], state["baseline"], state.get("documentation", {}), state.get("pull_request")
        )
        return {"pull_request": number}

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
        return _heard(state, _steering(interrupt(want.model_dump(mode="json"))))

    def after_wait(self, state: FeatureState) -> Literal["inspect", "adopt", "extend"]:
        """Look at the pull request, unless a person changes the plan."""
        if not state.get("word"):
            return "inspect"
        return "adopt" if state["word"].get("kind") == "edit" else "extend"

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
            self._files.spent()
            return {"outcome": {"verdict": "cancelled"}}
        seen = Inspection.model_validate(state["inspection"])
        outcome = self._delivery.finish(state["pull_request"], seen)
        self._kickoff.comment(state["plan"], self._context.branch)
        self._files.spent()
        return {"outcome": outcome}

    def _turn(self, role: str, payload: dict[str, JsonValue], number: int = 1) -> Result:
        wanted = WantedTurn(role=role, round=number, payload=payload)
        answer: Result = interrupt(TurnWant(turn=wanted).model_dump(mode="json"))
        return answer


def wire_feature_flow() -> StateGraph[Any, Any, Any, Any]:
    """Return the wiring; runs take a `ThreadContext` as their context."""
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(FeatureState, context_schema=ThreadContext)
    for name in NODES:
        graph.add_node(name, node(FeatureFlow, name))
    for before, after in EDGES.items():
        graph.add_edge(before, after)
    for before, (choice, targets) in CHOICES.items():
        graph.add_conditional_edges(before, node(FeatureFlow, choice), list(targets))
    return graph


def _steering(answer: Result) -> Result:
    """Return the letter by which a person changes the plan, if the answer is one."""
    return answer if answer.get("kind") in ("edit", "replan") else {}


def _heard(state: FeatureState, word: Result) -> FeatureState:
    """Return what a person said, if anything, and that it was answered."""
    if not word:
        return {"word": word}
    return {"word": word, "answered": [*state.get("answered", []), str(word["key"])]}
