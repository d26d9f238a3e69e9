"""One advance of a thread: its flow is run on with what the inbox holds, and what it wants then is seen to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Interrupt, StateSnapshot
from pydantic import JsonValue

from agents.checkpoints import FencedSaver
from agents.crew import Crew, ThreadContext
from agents.database import Connection
from agents.failures import report, report_cancelled
from agents.flow import flow_of
from agents.ids import feature_of
from agents.letters import HEARD, match_letters
from agents.threads import ENDED, Lease, Letter, ThreadState, ThreadStatus, new_thread, renew_thread
from agents.wants import PersonWant, PullRequestWant, TasksWant, TurnWant, Want, in_words, read_want


class Enqueue(Protocol):
    """Puts a job into the queue inside the caller's transaction."""

    def advance(self, connection: Connection, thread: str) -> None:
        """Have a thread advanced."""

    def turn(self, connection: Connection, turn: int, role: str, lock: str | None) -> None:
        """Have a turn run by a worker of its role; turns with the same lock run one after the other."""


@dataclass(frozen=True)
class Place:
    """Where a thread stands in its flow."""

    has_begun: bool
    has_ended: bool
    interrupts: tuple[Interrupt, ...]
    outcome: dict[str, JsonValue]
    answered: frozenset[str] = frozenset()
    """Keys of the letters that changed the plan, as the checkpoint has them."""


class Advance:
    """One advance of one thread under its lease."""

    def __init__(self, crew: Crew, enqueue: Enqueue, state: ThreadState, lease: Lease, letters: list[Letter]) -> None:
        self._crew = crew
        self._enqueue = enqueue
        self._state = state
        self._lease = lease
        self._context = ThreadContext(crew=crew, state=state, lease=lease)
        self._letters = letters
        """Letters that this advance has not answered yet."""
        self._used: set[int] = set()
        """Letters that were answered; they are marked as read together with what followed from them."""

    def run(self) -> None:
        """Run the flow on with what the inbox holds and want what it wants, until nothing moves.

        A letter that comes after the lease was taken has an advance of its own. Letters are marked as read with what
        the flow wants next. An advance cut short before that meets them again: then nothing waits for them any more,
        the checkpoint says that they changed the plan, or it only looks once more.
        """
        if any(letter.kind == "stop" for letter in self._letters):
            self._stop()
            return
        if any(letter.kind == "retry" for letter in self._letters):
            self._revive()
        with self._crew.database.connection() as connection:
            flow = flow_of(self._state.kind, FencedSaver(connection, self._lease))
            config: RunnableConfig = {"configurable": {"thread_id": self._state.id}, "recursion_limit": 500}
            place: Place | None = _place(flow.get_state(config))
            while place is not None:
                last, place = place, self._step(flow, config, place)
        self._settle(last)

    def _step(self, flow: CompiledStateGraph[Any, Any, Any, Any], config: RunnableConfig, place: Place) -> Place | None:
        """Move the thread once and return where it stands then; None when it waits or has ended."""
        given: Command[Any] | dict[str, str] | None = None
        if not place.has_begun:
            given = {"thread": self._state.id}
        elif place.has_ended:
            self._answered({letter.id for letter in self._letters})
            return None
        elif place.interrupts:
            self._answered({letter.id for letter in self._letters if letter.key in place.answered})
            answers, used = match_letters(place.interrupts, self._letters)
            self._answered(used | {letter.id for letter in self._letters if letter.kind in HEARD})
            if not answers:
                return None
            given = Command(resume=answers)
        output = flow.invoke(given, config, context=self._context, durability="sync", version="v2")
        return _at(output.value, not output.interrupts, output.interrupts)

    def _answered(self, used: set[int]) -> None:
        self._used |= used
        self._letters = [letter for letter in self._letters if letter.id not in used]

    def _revive(self) -> None:
        """Want again what failed."""
        with self._crew.database.transaction() as connection:
            for turn in self._crew.turns.revive(connection, self._state.id):
                self._enqueue.turn(connection, turn.id, turn.role, self._lock(turn.role))

    def _stop(self) -> None:
        """Cancel what the thread and its children want, tell people, and end.

        It has ended when people are told: an advance cut short before, or for which an edge was away, is made up for.
        """
        with self._crew.database.transaction() as connection:
            renew_thread(connection, self._lease)
            self._crew.turns.cancel(connection, self._state.id)
            for child in self._crew.threads.children(self._state.id):
                if child.status not in ENDED:
                    stop = Letter(id=0, thread=child.id, key="stop", kind="stop", payload={})
                    self._crew.threads.post(connection, stop)
                    self._enqueue.advance(connection, child.id)
        report_cancelled(self._crew, self._state, self._lease)
        with self._crew.database.transaction() as connection:
            self._crew.threads.settle(connection, self._lease, "stopped", outcome={"verdict": "stopped by a person"})
            self._crew.threads.consume(connection, self._lease, [letter.id for letter in self._letters])

    def _settle(self, place: Place) -> None:
        """Mark the letters as read, want what the flow wants, and record where the thread stands.

        The disk is not waited for: a turn begins, and this advance is over, when the queue has waited for it.
        """
        wants = {interrupt.id: read_want(interrupt.value) for interrupt in place.interrupts}
        with self._crew.database.transaction(soon=True) as connection:
            self._crew.threads.consume(connection, self._lease, self._used)
            fresh = [self._see_to(connection, interrupt, want) for interrupt, want in wants.items()]
            failed = None if fresh and all(fresh) else self._crew.turns.failed(connection, self._state.id)
            if failed is not None:
                words = [f"a person: {failed.message}"]
                self._crew.threads.settle(connection, self._lease, "failed", words, failure=failed)
            elif wants:
                self._settle_waiting(connection, list(wants.values()))
            else:
                self._end(connection, place.outcome)
        if failed is not None:
            report(self._crew, self._state, self._lease, failed)

    def _settle_waiting(self, connection: Connection, wants: list[Want]) -> None:
        waiting = all(isinstance(want, PersonWant | PullRequestWant) for want in wants)
        status: ThreadStatus = "waiting" if waiting else "active"
        self._crew.threads.settle(connection, self._lease, status, [in_words(want) for want in wants])

    def _end(self, connection: Connection, outcome: dict[str, JsonValue]) -> None:
        self._crew.threads.settle(connection, self._lease, "done", outcome=outcome)
        if self._state.parent is not None:
            payload: dict[str, JsonValue] = {"task": self._state.id, **outcome}
            letter = Letter(id=0, thread=self._state.parent, key=f"task:{self._state.id}", kind="task", payload=payload)
            self._crew.threads.post(connection, letter)
            self._enqueue.advance(connection, self._state.parent)

    def _see_to(self, connection: Connection, interrupt: str, want: Want) -> bool:
        """See to what is wanted; True when it is a turn that was not wanted before."""
        if isinstance(want, TurnWant):
            turn = self._crew.turns.want(connection, self._lease, interrupt, want.turn)
            if turn is None:
                return False
            self._enqueue.turn(connection, turn, want.turn.role, self._lock(want.turn.role))
            return True
        if isinstance(want, TasksWant):
            for task in want.start:
                child = new_thread(task, "task", self._state.repository, self._state.issue, self._state.id)
                if self._crew.threads.start(connection, child):
                    self._enqueue.advance(connection, task)
        return False

    def _lock(self, role: str) -> str | None:
        """Integration runs one at a time per feature: each merge starts from the one before."""
        feature = feature_of(self._state.repository, self._state.issue)
        return f"integrate:{feature}" if role == "integrator" else None


def _place(snapshot: StateSnapshot) -> Place:
    if not snapshot.values:
        return Place(False, not snapshot.next, snapshot.interrupts, {})
    return _at(snapshot.values, not snapshot.next, snapshot.interrupts)


def _at(values: dict[str, Any], has_ended: bool, interrupts: tuple[Interrupt, ...]) -> Place:
    return Place(True, has_ended, interrupts, values.get("outcome") or {}, frozenset(values.get("answered") or ()))
