"""Structured replies to prompts that may be longer than the model's context: asked again with less around the matter.

That something was left out is a step of the journal, with what it was: a turn taken up again leaves out the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from pydantic import BaseModel

from agents.crew import TurnContext
from agents.journal import CommandResult
from tools.errors import ContextOverflow
from tools.model import Message, ModelReply, ModelRequest
from tools.structured import complete_structured

logger = logging.getLogger(__name__)

Reply = TypeVar("Reply", bound=BaseModel)

STEP = "leave out"
"""Name of the journal's step."""


class Prompt(NamedTuple):
    """One way to ask, each with less than the one before."""

    left_out: str
    """What is missing in it, in words; empty for the whole prompt."""
    messages: tuple[Message, ...]


def complete_fitting(
    context: TurnContext,
    prompts: Sequence[Prompt],
    model_class: type[Reply],
    validate: Callable[[Reply], Sequence[str]],
) -> Reply:
    """Return the reply to the first prompt that the model's context holds; `ContextOverflow` where none is short enough."""
    journal = context.journal

    def ask(request: ModelRequest) -> ModelReply:
        if journal.next_name == STEP:
            raise ContextOverflow("the prompt was too long when this turn was first worked on")
        return journal.model(request)

    for prompt, shorter in zip(prompts, (*prompts[1:], None), strict=True):
        request = ModelRequest(turn="", model=context.model, messages=prompt.messages)
        try:
            return complete_structured(ask, request, model_class, validate)
        except ContextOverflow as fault:
            if shorter is None:
                raise
            leave_out(context, shorter.left_out, fault)
    raise ValueError("give at least one prompt")


def leave_out(context: TurnContext, what: str, fault: ContextOverflow) -> None:
    """Keep in the journal that the next question goes without something, because the one before was too long."""
    told = CommandResult(reply={"left_out": what, "because": fault.message})
    context.journal.command(STEP, what, partial(_given, told))
    logger.warning("turn %s: asked again without %s: %s", context.turn.key, what, fault.message)


def _given(result: CommandResult) -> CommandResult:
    return result
