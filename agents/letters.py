"""Which letters of a thread's inbox answer what its flow waits for."""

from __future__ import annotations

from langgraph.types import Interrupt
from pydantic import JsonValue

from agents.threads import Letter
from agents.wants import PersonWant, TasksWant, TurnWant, Want, read_want

HEARD = frozenset({"start", "turn", "retry", "word", "budget"})
"""Letters that are read at once: nothing waits for them, or what waited is gone; words and budgets are looked up."""
STEERING = frozenset({"edit", "replan"})
"""Letters by which people change the plan; each is answered alone, since the next one may hang on it."""


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
