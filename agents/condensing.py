"""Condensing a conversation that does not fit into the model's context any more.

That it was condensed, and to what, are steps of the journal: a turn taken up again condenses at the same place to
the same words. Long outputs are shortened first; where that is not enough, the middle gives way to a summary.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from agents.exchanges import (
    Exchange,
    cut,
    exchanges,
    facts_of,
    is_word,
    log_of,
    missing_facts,
    tokens_of,
    transcript_of,
    with_short_outputs,
)
from agents.journal import CommandResult, TurnJournal
from agents.threads import Record
from prompts import render
from tools.errors import ModelError, ModelUnavailable, ReplayDiverged
from tools.model import Message, ModelClient, ModelReply, ModelRequest
from tools.model_overflow import CHARACTERS_PER_TOKEN, message_tokens

logger = logging.getLogger(__name__)

STEP = "condense"
"""Name of the journal's step that decides to condense."""
PLAIN = "condense without the model"
"""Name of the step that says that no summary came from the model."""
ROOM = 0.6
"""The part of the room for the prompt that a condensed conversation may fill."""
LONGEST_RESERVE = 8192
"""Tokens kept free for the reply, where no limit is set."""


class Decision(Record):
    """What was decided when a conversation was condensed."""

    target: int
    """Tokens that it should have afterwards."""
    changed: tuple[str, ...]
    """The files that the work had changed until then."""


class Condenser:
    """Keeps one conversation within the model's context."""

    def __init__(
        self, journal: TurnJournal, client: ModelClient, model: str, task: str, changed: Callable[[], tuple[str, ...]]
    ) -> None:
        """``task`` is the key of the task that is worked on; ``changed`` tells the files changed so far."""
        self._journal = journal
        self._client = client
        self._model = model
        self._task = task
        self._changed = changed
        self._counted = (0, 0)

    def count(self, messages: Sequence[Message], reply: ModelReply) -> None:
        """Take note of what the endpoint counted; ``messages`` end with the reply."""
        counted = 0 if reply.usage.estimated else reply.usage.prompt_tokens + reply.usage.completion_tokens
        self._counted = (len(messages), counted)

    def fitting(self, messages: list[Message]) -> list[Message]:
        """Return the messages, condensed where they come too close to the model's context."""
        recorded = self._journal.next_name
        if recorded == STEP or (recorded is None and self._too_long(messages)):
            return self.condensed(messages)
        return messages

    def condensed(self, messages: list[Message]) -> list[Message]:
        """Return the messages in fewer words, whatever their length is."""
        reply = self._journal.command(STEP, None, lambda: self._decide(messages))
        decision = Decision.model_validate(reply)
        short = with_short_outputs(messages)
        if tokens_of(short) > decision.target:
            short = self._without_middle(short, decision)
        logger.info(
            "turn %s: condensed %d messages to %d (about %d to %d tokens)",
            self._journal.turn.key,
            len(messages),
            len(short),
            tokens_of(messages),
            tokens_of(short),
        )
        self._counted = (0, 0)
        return short

    def _too_long(self, messages: list[Message]) -> bool:
        room = self._room()
        if room is None:
            return False
        place, counted = self._counted
        now = max(tokens_of(messages), counted + sum(map(message_tokens, messages[place:])))
        return now > room and len(exchanges(messages)) > 1

    def _room(self) -> int | None:
        """The tokens that a prompt may have; None where the size of the context is not known."""
        window = self._client.traits(self._model).context_tokens
        if window is None:
            return None
        return window - (self._client.settings.max_output_tokens or min(LONGEST_RESERVE, window // 4))

    def _decide(self, messages: list[Message]) -> CommandResult:
        room = self._room()
        now = tokens_of(messages)
        target = int(ROOM * (now if room is None else min(room, now)))
        decision = Decision(target=target, changed=self._changed())
        return CommandResult(reply=decision.model_dump(mode="json"))

    def _without_middle(self, messages: list[Message], decision: Decision) -> list[Message]:
        parts = cut(messages, decision.target)
        if not parts.middle:
            return with_short_outputs(messages, whole=0)
        summary = self._summary(parts.middle, decision)
        told = [message for exchange in parts.middle for message in exchange]
        facts = missing_facts(summary, facts_of([*parts.before, *told], self._task, decision.changed))
        text = render("condensed", summary=summary, facts=facts, steps=len(parts.middle)).rstrip()
        words = [message for message in told if is_word(message)]
        short = [*parts.before, Message(role="user", content=text), *words, *parts.after]
        return short if tokens_of(short) <= decision.target else with_short_outputs(short, whole=0)

    def _summary(self, middle: tuple[Exchange, ...], decision: Decision) -> str:
        """The model's words, journaled; a plain log where none come."""
        journal = self._journal
        if journal.next_name != PLAIN:
            told = transcript_of(middle, decision.target * CHARACTERS_PER_TOKEN // 2)
            prompt = render("condense", task=self._task, transcript=told)
            try:
                reply = journal.model(
                    ModelRequest(turn="", model=self._model, messages=(Message(role="user", content=prompt),))
                )
                if reply.content and reply.content.strip():
                    return reply.content.strip()
            except (ModelUnavailable, ReplayDiverged):
                raise
            except ModelError as fault:
                logger.warning("turn %s: no summary from the model: %s", journal.turn.key, fault.message)
        journal.command(PLAIN, None, lambda: CommandResult(reply=None))
        return log_of(middle)
