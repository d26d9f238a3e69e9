"""What a node wants when it interrupts: a role's turn, task threads, a person, or news of a pull request.

A node never enqueues anything. It interrupts with a want; the engine sees to it and resumes the node with the answer.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter

from agents.threads import Record
from agents.turns import WantedTurn


class TurnWant(Record):
    """A role's work; the answer is the turn's result."""

    want: Literal["turn"] = "turn"
    turn: WantedTurn


class TasksWant(Record):
    """Task threads to be under way; the answer lists those that have ended since."""

    want: Literal["tasks"] = "tasks"
    start: tuple[str, ...]
    """Ids of the tasks to start; those already started stay as they are."""


class PersonWant(Record):
    """A person's decision; the answer is the letter that brought it."""

    want: Literal["person"] = "person"
    question: str
    accepts: tuple[Literal["approve", "edit", "replan", "retry"], ...]


class PullRequestWant(Record):
    """Something new at a pull request: a review, a comment, a check, a merge; the answer only says 'look'."""

    want: Literal["pull_request"] = "pull_request"
    number: int
    waits_for: str
    """In words: `approval`, `checks`, …."""


Want = Annotated[TurnWant | TasksWant | PersonWant | PullRequestWant, Field(discriminator="want")]
WANT: TypeAdapter[Want] = TypeAdapter(Want)


def read_want(value: JsonValue) -> Want:
    """Return the want that an interrupt carries."""
    return WANT.validate_python(value)


def in_words(want: Want) -> str:
    """Say what a thread waits for."""
    if isinstance(want, TurnWant):
        of = "" if want.turn.task == "-" else f" on {want.turn.task}"
        return f"{want.turn.role}{of}, round {want.turn.round}"
    if isinstance(want, TasksWant):
        return "its tasks"
    if isinstance(want, PersonWant):
        return f"a person: {want.question}"
    return f"pull request #{want.number}: {want.waits_for}"
