"""The errors of the team.

* AgentsError
  + StateUnavailable       PostgreSQL does not answer; the job is tried again later
  + Fenced                 another worker has taken this thread or turn over; stop without a word
  + JournalBroken          a journal row cannot be read back
  + TurnFailed             a turn ended without a usable result; a person can retry it
    - BudgetSpent          steps, time, tokens or money are used up
    - RepositoryUnusable   the repository cannot be fetched, prepared or planned for
    - SeatUnavailable      the program that is to take a seat is not there
    - PlanRefused          no valid plan came, or the issue asks for nothing doable
"""

from __future__ import annotations


class AgentsError(Exception):
    """Base of the team's errors: a message for people and a hint what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class StateUnavailable(AgentsError):
    """PostgreSQL does not answer."""


class Fenced(AgentsError):
    """A newer epoch holds the thread or turn: this worker was replaced."""


class JournalBroken(AgentsError):
    """A journal row does not hold what its kind promises."""


class TurnFailed(AgentsError):
    """A turn ended without a usable result."""


class BudgetSpent(TurnFailed):
    """A cap on steps, time, tokens or money was reached."""


class RepositoryUnusable(TurnFailed):
    """The repository cannot be fetched, prepared or worked on."""


class PlanRefused(TurnFailed):
    """The Planner found no valid plan."""


class SeatUnavailable(TurnFailed):
    """The program that the settings give a seat to is not installed."""
