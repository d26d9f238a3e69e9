"""The caps of a turn: when it must end though its work is not done."""

from __future__ import annotations

import time
from typing import Literal

from agents.crew import TurnContext
from agents.spending import spending_of

Cap = Literal["steps", "time", "tokens", "cost"]


class CapWatch:
    """Watches one turn's model calls and time, and what its task and feature have used in all."""

    def __init__(self, context: TurnContext, steps: int | None = None) -> None:
        self._context = context
        self._steps = steps or context.crew.settings.caps.steps
        self._started = time.monotonic()

    @property
    def seconds_left(self) -> float:
        """How long the turn may go on."""
        return max(1.0, self._context.crew.settings.caps.seconds - (time.monotonic() - self._started))

    def reached(self) -> Cap | None:
        """Return the cap that the turn has reached; while it goes over its journal only the number of calls counts."""
        journal = self._context.journal
        if journal.spent.model_calls >= self._steps:
            return "steps"
        if journal.resumed:
            return None
        if time.monotonic() - self._started > self._context.crew.settings.caps.seconds:
            return "time"
        return self._budget()

    def _budget(self) -> Cap | None:
        crew, caps = self._context.crew, self._context.crew.settings.caps
        with crew.database.connection() as connection:
            spending = spending_of(connection, self._context.feature, self._context.turn.thread)
        if spending.feature.tokens >= caps.feature_tokens or spending.thread.tokens >= caps.task_tokens:
            return "tokens"
        cap = spending.budget_usd or caps.feature_cost_usd
        return "cost" if cap is not None and spending.feature.cost_usd >= cap else None
