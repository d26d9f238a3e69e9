"""The engine: runs threads to their interrupts, sees to what they want, and runs the turns.

`advance` and `run_turn` are the two jobs. Both may be cut short anywhere and run again anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Interrupt, StateSnapshot
from pydantic import JsonValue

from agents.audit import judged
from agents.checkpoints import FencedSaver
from agents.crew import Crew, ThreadContext, TurnContext
from agents.database import Connection
from agents.failures import AWAY, defect, failure_of, report, report_cancelled
from agents.flow import flow_of
from agents.ids import feature_of
from agents.journal import TurnJournal
from agents.threads import ENDED, Lease, Letter, ThreadState, ThreadStatus
from agents.wants import PersonWant, PullRequestWant, TasksWant, TurnWant, Want, in_words, read_want

logger = logging.getLogger(__name__)

Play = Callable[[TurnContext], dict[str, JsonValue]]
"""One role's work: from a turn's payload to its result."""


HEARD = frozenset({"turn", "retry", "word", "budget"})
"""Letters that are read at once: nothing waits for them, or what waited is gone; words and budgets are looked up."""
STEERING = frozenset({"edit", "replan"})
"""Letters by which people change the plan; each is answered alone, since the next one may hang on it."""


class Enqueue(Protocol):
    """Puts a job into the queue inside the caller's transaction."""

    def advance(self, connection: Connection, thread: str) -> None:
        """Have a thread advanced."""

    def turn(self, connection: Connection, turn: int, role: str, lock: str | None) -> None:
        """Have a turn run by a worker of its role; turns with the same lock run one after the other."""


class Engine:
    """Advances threads and runs turns for one crew."""

    def __init__(self, crew: Crew, enqueue: Enqueue, plays: Mapping[str, Play]) -> None:
        self.crew = crew
        self._enqueue = enqueue
        self._plays = plays

    def start_feature(self, repository: str, issue: int) -> str:
        """Open the feature thread of an issue, once, and have it advanced; return its id."""
        state = new_thread(feature_of(repository, issue), "feature", repository, issue, None)
        with self.crew.database.transaction() as connection:
            self.crew.threads.start(connection, state)
            self._enqueue.advance(connection, state.id)
        return state.id

    def tell(self, thread: str, kind: str, key: str, payload: dict[str, JsonValue]) -> bool:
        """Put a letter into a thread's inbox and wake it; False when the same letter came before."""
        letter = Letter(id=0, thread=thread, key=key, kind=kind, payload=payload)
        with self.crew.database.transaction() as connection:
            fresh = self.crew.threads.post(connection, letter)
            if fresh:
                self.crew.threads.wake(connection, thread)
                self._enqueue.advance(connection, thread)
        return fresh

    def advance(self, thread: str, last_try: bool = True) -> None:
        """Run a thread to its interrupts and see to what it wants.

        An edge that is away raises, to be tried again later, until the last try; then the thread stands still.
        """
        taken = self.crew.threads.take_unended(thread, self.crew.settings.holder)
        if taken is None:
            return
        state, lease, letters = taken
        try:
            Advance(self.crew, self._enqueue, state, lease, letters).run()
        except self.crew.known_errors as fault:
            failure = failure_of(fault, "integrator")
            if isinstance(fault, AWAY) and not last_try:
                raise
            logger.warning("thread %s stands still: %s", state.id, failure.message)
            with self.crew.database.transaction() as connection:
                self.crew.threads.settle(connection, lease, "failed", [f"a person: {failure.message}"], failure=failure)
            report(self.crew, state, lease, failure)

    def run_turn(self, turn_id: int, last_try: bool = True) -> None:
        """Run one turn to its result, or to a failure that a person can retry."""
        turn = self.crew.turns.take(turn_id, self.crew.settings.holder)
        if turn is None:
            return
        journal = TurnJournal(self.crew.database, turn, self.crew.model.complete, is_first=turn.epoch == 1)
        try:
            result = self._plays[turn.role](TurnContext(crew=self.crew, turn=turn, journal=journal))
        except self.crew.known_errors as fault:
            failure = failure_of(fault, turn.role)
            if isinstance(fault, AWAY) and not last_try:
                raise
            logger.warning("turn %s failed: %s", turn.key, failure.message)
            event = judged(turn.role, "turn", "not asked", (), f"stopped: {failure.message}", failure.message)
            self.crew.audit.once(event, turn.thread, turn.id)
            with self.crew.database.transaction() as connection:
                self.crew.turns.fail(connection, turn, failure)
                self._enqueue.advance(connection, turn.thread)
            return
        # not waited for: the thread is advanced after its job was handed out, and that is waited for
        with self.crew.database.transaction(soon=True) as connection:
            self.crew.turns.finish(connection, turn, result)
            self._enqueue.advance(connection, turn.thread)
        logger.info("turn %s is done: %s", turn.key, result.get("verdict", ""))

    def fail_turn(self, turn_id: int, fault: Exception) -> None:
        """Record that a turn died of a defect of ours; it stands still until somebody retries it."""
        turn = self.crew.turns.take(turn_id, self.crew.settings.holder)
        if turn is None:
            return
        with self.crew.database.transaction() as connection:
            self.crew.turns.fail(connection, turn, defect(fault, turn.role))
            self._enqueue.advance(connection, turn.thread)

    def fail_thread(self, thread: str, fault: Exception) -> None:
        """Record that a thread died of a defect of ours."""
        lease = self.crew.threads.take(thread, self.crew.settings.holder)
        failure = defect(fault, "integrator")
        with self.crew.database.transaction() as connection:
            self.crew.threads.settle(connection, lease, "failed", [f"a person: {failure.message}"], failure=failure)


@dataclass(frozen=True)
class Place:
    """Where a thread stands in its flow."""

    has_begun: bool
    has_ended: bool
    interrupts: tuple[Interrupt, ...]
    outcome: dict[str, JsonValue]


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
        or it only looks once more.
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
            answers, used = match_letters(place.interrupts, self._letters)
            self._answered(used | {letter.id for letter in self._letters if letter.kind in HEARD})
            if not answers:
                return None
            given = Command(resume=answers)
        output = flow.invoke(given, config, context=self._context, durability="sync", version="v2")
        return Place(True, not output.interrupts, output.interrupts, output.value.get("outcome") or {})

    def _answered(self, used: set[int]) -> None:
        self._used |= used
        self._letters = [letter for letter in self._letters if letter.id not in used]

    def _revive(self) -> None:
        """Want again what failed."""
        with self._crew.database.transaction() as connection:
            for turn in self._crew.turns.revive(connection, self._state.id):
                self._enqueue.turn(connection, turn.id, turn.role, self._lock(turn.role))

    def _stop(self) -> None:
        """Cancel what the thread and its children want."""
        with self._crew.database.transaction() as connection:
            self._crew.turns.cancel(connection, self._state.id)
            for child in self._crew.threads.children(self._state.id):
                if child.status not in ENDED:
                    stop = Letter(id=0, thread=child.id, key="stop", kind="stop", payload={})
                    self._crew.threads.post(connection, stop)
                    self._enqueue.advance(connection, child.id)
            self._crew.threads.settle(connection, self._lease, "stopped", outcome={"verdict": "stopped by a person"})
        report_cancelled(self._crew, self._state, self._lease)
        with self._crew.database.transaction() as connection:
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
    outcome = snapshot.values.get("outcome") or {}
    return Place(bool(snapshot.values), not snapshot.next, snapshot.interrupts, outcome)


def new_thread(thread: str, kind: Any, repository: str, issue: int, parent: str | None) -> ThreadState:
    """Return the state of a thread that has not begun."""
    return ThreadState(
        id=thread,
        kind=kind,
        repository=repository,
        issue=issue,
        parent=parent,
        status="active",
        waits_for="",
        failure=None,
        outcome=None,
        epoch=0,
    )


def match_letters(interrupts: tuple[Interrupt, ...], letters: list[Letter]) -> tuple[dict[str, JsonValue], set[int]]:
    """Return the answers to interrupts that the letters hold, by interrupt, and the ids of the letters used."""
    answers: dict[str, JsonValue] = {}
    used: set[int] = set()
    for interrupt in interrupts:
        mine = [letter for letter in letters if _answers(read_want(interrupt.value), interrupt.id, letter)]
        if mine:
            mine = _together(read_want(interrupt.value), mine)
            answers[interrupt.id] = _answer(read_want(interrupt.value), mine)
            used |= {letter.id for letter in mine}
    return answers, used


def _together(want: Want, letters: list[Letter]) -> list[Letter]:
    """Return the letters that are answered at once: a person's words one by one and in order, news all together."""
    if isinstance(want, PersonWant) or letters[0].kind in STEERING:
        return letters[:1]
    return [letter for letter in letters if letter.kind not in STEERING]


def _answers(want: Want, interrupt: str, letter: Letter) -> bool:
    if isinstance(want, TurnWant):
        return letter.kind == "turn" and letter.payload.get("interrupt") == interrupt
    if isinstance(want, TasksWant):
        return letter.kind == "task" or letter.kind in STEERING
    if isinstance(want, PersonWant):
        return letter.kind in want.accepts
    return letter.kind in ("pull_request", "approve", "retry") or letter.kind in STEERING


def _answer(want: Want, letters: list[Letter]) -> JsonValue:
    if isinstance(want, TurnWant):
        return letters[0].payload["result"]
    if isinstance(want, PersonWant) or letters[0].kind in STEERING:
        return {**letters[0].payload, "kind": letters[0].kind, "key": letters[0].key}
    return {"letters": [letter.payload for letter in letters]}
