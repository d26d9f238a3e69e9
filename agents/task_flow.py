"""The flow of one task: claim, work, test, review, again until signed off, then integrate.

State holds ids and verdicts only. A node that wants long work interrupts; see `agents.wants`.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import JsonValue

from agents.crew import ThreadContext
from agents.ids import key_of
from agents.nodes import node
from agents.record import RoundRecord
from agents.turns import WantedTurn
from agents.wants import PersonWant, TurnWant

Result = dict[str, JsonValue]


CHOICES = {
    "work": ("after_work", ("test", "stuck", "finish")),
    "test": ("after_test", ("review", "work", "stuck", "finish")),
    "review": ("after_review", ("integrate", "work", "stuck", "finish")),
    "integrate": ("after_integrate", ("work", "stuck", "finish")),
    "stuck": ("after_stuck", ("work", "finish")),
}
"""What is chosen after a node, by the method of that name, and from what."""


class TaskState(TypedDict, total=False):
    """Where a task's delivery stands."""

    thread: str
    round: int
    """The round of work, from 1."""
    allowed: int
    """Rounds allowed before a person is asked."""
    work: Result
    """The last result of the assignee: commit, artifact references, verdict."""
    test: Result
    review: Result
    integration: Result
    cancelled: bool
    outcome: Result


class TaskFlow:
    """The nodes of a task's flow, acting for one thread under its lease."""

    def __init__(self, context: ThreadContext) -> None:
        self._context = context
        self._roadmap = context.crew.roadmap

    def claim(self, state: TaskState) -> TaskState:
        """Claim the task in the roadmap for this delivery."""
        task = state["thread"]
        owner = f"roadcrew:{self._context.feature_key}"
        if not self._roadmap.claim(task, owner, self._change("the task is ready")):
            return {"cancelled": True, "round": 0, "allowed": 0, "outcome": {"verdict": "not claimed"}}
        return {"round": 0, "allowed": self._rounds()}

    def work(self, state: TaskState) -> TaskState:
        """Have the assignee do a round of work."""
        if self._is_cancelled(state):
            return {"cancelled": True}
        self._move(state, "in_progress", f"round {state['round'] + 1} of work")
        task = self._roadmap.task(state["thread"])
        round_ = state["round"] + 1
        payload: dict[str, JsonValue] = {
            "work": state.get("work"),
            "test": state.get("test"),
            "review": state.get("review"),
            "integration": state.get("integration"),
        }
        role = str(task.assignee) if task else "coder"
        result = self._turn(role, round_, payload)
        RoundRecord(self._context, round_).work(role, result)
        return {"round": round_, "work": result, "test": {}, "review": {}, "integration": {}}

    def after_work(self, state: TaskState) -> Literal["test", "stuck", "finish"]:
        """Test what was handed in; end what needed no work; where nothing came, a person decides."""
        if state.get("cancelled") or state["work"].get("unneeded"):
            return "finish"
        return "test" if state["work"].get("commit") else "stuck"

    def test(self, state: TaskState) -> TaskState:
        """Have the Tester judge the work in a clean environment."""
        result = self._turn("tester", state["round"], {"kind": "verify", "work": state["work"]})
        RoundRecord(self._context, state["round"]).test(result)
        if result.get("green"):
            self._move(state, "complete", str(result.get("verdict", "")))
        return {"test": result}

    def after_test(self, state: TaskState) -> Literal["review", "work", "stuck", "finish"]:
        """Review green work; send red work back."""
        if self._is_cancelled(state):
            return "finish"
        return "review" if state["test"].get("green") else self._again(state)

    def review(self, state: TaskState) -> TaskState:
        """Have the Reviewer judge the change with fresh eyes."""
        payload: dict[str, JsonValue] = {"work": state["work"], "test": state["test"]}
        result = self._turn("reviewer", state["round"], payload)
        RoundRecord(self._context, state["round"]).review(result)
        return {"review": result}

    def after_review(self, state: TaskState) -> Literal["integrate", "work", "stuck", "finish"]:
        """Integrate what is signed off; send back what is not."""
        if self._is_cancelled(state):
            return "finish"
        return "integrate" if state["review"].get("signed_off") else self._again(state)

    def integrate(self, state: TaskState) -> TaskState:
        """Have the work merged into the feature branch, with a green suite on the merged head."""
        result = self._turn("integrator", state["round"], {"work": state["work"], "test": state["test"]})
        task = self._roadmap.task(state["thread"])
        RoundRecord(self._context, state["round"]).integration(result, task.title if task else "")
        return {"integration": result}

    def after_integrate(self, state: TaskState) -> Literal["work", "stuck", "finish"]:
        """A conflict or a red suite goes back to the assignee."""
        return "finish" if state["integration"].get("merged") else self._again(state)

    def stuck(self, state: TaskState) -> TaskState:
        """Ask a person: the rounds are used up, or nothing was handed in."""
        key = key_of(state["thread"])
        results = (state.get("integration"), state.get("review"), state.get("test"), state.get("work"))
        last = next((result.get("verdict") for result in results if result), "")
        self._move(state, "blocked", f"{state['round']} rounds did not do: {last}")
        question = f"{key} is not signed off after {state['round']} rounds ({last}): retry it or stop"
        interrupt(PersonWant(question=question, accepts=("retry",)).model_dump(mode="json"))
        return {"allowed": state["round"] + self._rounds()}

    def _rounds(self) -> int:
        """Return how many rounds are allowed: by the settings, or fewer where the repository asks for that."""
        mine = self._context.crew.settings.rounds
        baseline = self._context.crew.threads.last_result(self._context.feature, "tester") or {}
        manners = baseline.get("manners")
        theirs = manners.get("rounds") if isinstance(manners, dict) else None
        return min(mine, theirs) if isinstance(theirs, int) else mine

    def after_stuck(self, state: TaskState) -> Literal["work", "finish"]:
        """Go on when a person says so."""
        return "finish" if self._is_cancelled(state) else "work"

    def finish(self, state: TaskState) -> TaskState:
        """Record the end in the roadmap."""
        if state.get("work", {}).get("unneeded") and not state.get("cancelled"):
            why = str(state["work"]["verdict"])
            self._move(state, "complete", why)
            self._move(state, "verified", why)
            return {"outcome": {"verdict": why}}
        if state.get("cancelled") or not state.get("integration", {}).get("merged"):
            return {"outcome": {"verdict": "cancelled"}}
        self._move(state, "verified", "signed off and merged into the feature branch with a green suite")
        return {"outcome": {"verdict": "verified", "commit": state["integration"]["merged"]}}

    def _again(self, state: TaskState) -> Literal["work", "stuck"]:
        return "work" if state["round"] < state["allowed"] else "stuck"

    def _turn(self, role: str, round_: int, payload: dict[str, JsonValue]) -> Result:
        payload = {"feature": self._context.feature_key, **payload}
        wanted = WantedTurn(role=role, task=key_of(self._context.state.id), round=round_, payload=payload)
        answer: Result = interrupt(TurnWant(turn=wanted).model_dump(mode="json"))
        return answer

    def _move(self, state: TaskState, status: str, why: str) -> None:
        self._roadmap.move_task(state["thread"], status, self._change(why))

    def _is_cancelled(self, state: TaskState) -> bool:
        """Whether a person cancelled the task in the roadmap since."""
        if state.get("cancelled"):
            return True
        task = self._roadmap.task(state["thread"])
        return task is None or task.status == "cancelled"

    def _change(self, why: str) -> Any:
        return self._context.change(why)


def wire_task_flow() -> StateGraph[Any, Any, Any, Any]:
    """Return the wiring; runs take a `ThreadContext` as their context."""
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(TaskState, context_schema=ThreadContext)
    for name in ("claim", "work", "test", "review", "integrate", "stuck", "finish"):
        graph.add_node(name, node(TaskFlow, name))
    graph.add_edge(START, "claim")
    graph.add_edge("claim", "work")
    graph.add_edge("finish", END)
    for before, (choice, targets) in CHOICES.items():
        graph.add_conditional_edges(before, node(TaskFlow, choice), list(targets))
    return graph
