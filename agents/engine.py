"""The engine: runs threads to their interrupts, sees to what they want, and runs the turns.

`advance` and `run_turn` are the two jobs. Both may be cut short anywhere and run again anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from pydantic import JsonValue

from agents.advance import Advance, Enqueue
from agents.audit import judged
from agents.crew import Crew, TurnContext
from agents.failures import AWAY, defect, failure_of, report
from agents.ids import feature_of
from agents.journal import TurnJournal
from agents.threads import Letter, new_thread

logger = logging.getLogger(__name__)

Play = Callable[[TurnContext], dict[str, JsonValue]]
"""One role's work: from a turn's payload to its result."""


class Engine:
    """Advances threads and runs turns for one crew."""

    def __init__(self, crew: Crew, enqueue: Enqueue, plays: Mapping[str, Play]) -> None:
        self.crew = crew
        self._enqueue = enqueue
        self._plays = plays

    def start_feature(self, repository: str, issue: int, said: str | None = None) -> str:
        """Open the feature thread of an issue, once, and have it advanced; return its id.

        ``said`` is the key of the comment that asked for it, which is then heard.
        """
        state = new_thread(feature_of(repository, issue), "feature", repository, issue, None)
        with self.crew.database.transaction() as connection:
            self.crew.threads.start(connection, state)
            if said is not None:
                self.crew.threads.send(connection, Letter(id=0, thread=state.id, key=said, kind="start", payload={}))
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
