"""Words: what people say while the work goes on, and how it reaches a role at its next step.

A role hears each word once in a turn, as a message of its own; what it heard stands in the journal, so that a turn
taken up again hears the same at the same place.
"""

from __future__ import annotations

from pydantic import JsonValue, TypeAdapter

from agents.crew import TurnContext
from agents.journal import CommandResult
from agents.threads import Word
from prompts import render
from tools.model import Message

STEP = "words"
"""Name of the journal's step."""
WORDS: TypeAdapter[list[Word]] = TypeAdapter(list[Word])


class Listener:
    """Hears, for one turn, what people with write permission say to the feature."""

    def __init__(self, context: TurnContext) -> None:
        self._context = context
        self._heard = 0

    def news(self) -> Message | None:
        """Return what was said since this was last asked, or None."""
        said = self.words()
        if not said:
            return None
        spoken = [{"by": word.by, "text": word.text} for word in said]
        return Message(role="user", content=render("words", words=spoken).rstrip())

    def words(self) -> list[Word]:
        """Return the words themselves; nothing is journaled where nothing was said."""
        journal = self._context.journal
        recorded = journal.next_name
        if recorded is not None and recorded != STEP:
            return []
        if recorded is None and not self._fresh():
            return []
        heard = WORDS.validate_python(journal.command(STEP, None, lambda: CommandResult(reply=_plain(self._fresh()))))
        self._heard = max((word.id for word in heard), default=self._heard)
        return heard

    def _fresh(self) -> list[Word]:
        return self._context.crew.threads.words(self._context.feature, after=self._heard)


def _plain(words: list[Word]) -> JsonValue:
    return [word.model_dump() for word in words]
