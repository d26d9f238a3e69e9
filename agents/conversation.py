"""One role's conversation with the model and its tools, until it submits or a cap is reached.

The history is linear and append-only, until it has to be condensed. Every model reply and every tool result comes
through the turn's journal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Literal

from pydantic import JsonValue

from agents.caps import Cap, CapWatch
from agents.condensing import Condenser
from agents.crew import TurnContext
from agents.exchanges import tokens_of
from agents.stuck import Act, stuck_reason
from agents.threads import Record
from agents.words import Listener
from prompts import one_line, own_lines, untrusted
from tools.errors import ContextOverflow
from tools.model import Message, ModelReply, ModelRequest, ToolCall, ToolSchema

End = Literal["submitted", "stuck"] | Cap

NUDGE = "Verdict: no tool call\nReply with at least one tool call. When the work is done, call `submit`."
SHORTER = "Send a shorter one: write long files in several steps."
CUT = f"Verdict: reply cut off\nYour reply was cut off at its length limit. {SHORTER}"
CUT_CALL = "your reply was cut off at its length limit within this call, which was not carried out"
CONDENSED = 3
"""Times that one request is condensed when its endpoint keeps saying that it is too long."""


class Answer(Record):
    """What a tool call gave."""

    verdict: str
    """One line without times; the first line that the model reads."""
    text: str = ""
    """What files, commands and services say; the model reads it inside a fence."""
    note: str = ""
    """What this program says besides."""
    failed: bool = False
    accepted: bool = False
    """True when this was the submission that ends the conversation."""
    data: JsonValue = None

    def as_message(self, call: ToolCall) -> Message:
        """Return the message that tells the model: what is foreign in it stands in a fence that it cannot close."""
        parts = [f"Verdict: {one_line(self.verdict)}"]
        parts += [untrusted(self.text)] if self.text.strip() else []
        parts += [own_lines(self.note.rstrip())] if self.note.strip() else []
        return Message(role="tool", content="\n".join(parts), tool_call_id=call.id)


class Outcome(Record):
    """How a conversation ended."""

    end: End
    detail: str
    submission: JsonValue = None
    """What the accepted call carried."""
    model_calls: int


CarryOut = Callable[[ToolCall], Answer]


class Conversation:
    """A linear exchange between one role and the model."""

    def __init__(
        self,
        context: TurnContext,
        tools: tuple[ToolSchema, ...],
        act: CarryOut,
        steps: int | None = None,
        changed: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        """``changed`` tells which files the work has changed so far; it is asked when the history is condensed."""
        self._caps = CapWatch(context, steps)
        self._context = context
        self._tools = tools
        self._act = act
        self._messages: list[Message] = []
        self._acts: list[Act] = []
        self._silences = 0
        self._warned = False
        self._listener = Listener(context)
        self._condenser = Condenser(context.journal, context.crew.model, context.model, context.task_key, changed)

    def run(self, system: str, task: str) -> Outcome:
        """Talk until the role submits, gets stuck or reaches a cap."""
        self._messages = [Message(role="system", content=system), Message(role="user", content=task)]
        while True:
            end = self._caps.reached()
            if end is not None:
                return self._outcome(end, f"the cap on {end} was reached")
            reply = self._ask()
            submission = self._hear(reply)
            if submission is not None:
                return self._outcome("submitted", submission.verdict, submission.data)
            reason = stuck_reason(self._acts, self._silences)
            if reason is not None and self._warned:
                return self._outcome("stuck", reason)
            if reason is not None:
                self._warn(reason)

    def _ask(self) -> ModelReply:
        word = self._listener.news()
        if word is not None:
            self._messages.append(word)
        self._messages = self._condenser.fitting(self._messages)
        reply = self._reply()
        self._messages.append(reply.as_message())
        self._condenser.count(self._messages, reply)
        return reply

    def _reply(self) -> ModelReply:
        """Ask, and ask again with a condensed history when the endpoint finds it too long."""
        for _ in range(CONDENSED):
            try:
                return self._context.journal.model(self._request())
            except ContextOverflow as overflow:
                shorter = self._condenser.condensed(self._messages)
                if tokens_of(shorter) >= tokens_of(self._messages):
                    raise overflow
                self._messages = shorter
        return self._context.journal.model(self._request())

    def _request(self) -> ModelRequest:
        return ModelRequest(turn="", model=self._context.model, messages=tuple(self._messages), tools=self._tools)

    def _hear(self, reply: ModelReply) -> Answer | None:
        """Carry out a reply's calls; return the accepted submission, if it holds one."""
        if not reply.tool_calls:
            self._silences += 1
            self._messages.append(Message(role="user", content=CUT if reply.truncated else NUDGE))
            return None
        self._silences = 0
        accepted: Answer | None = None
        for call in reply.tool_calls:
            if accepted is not None:
                answer = Answer(verdict="not run: the work is handed in", failed=True)
            elif reply.truncated and not _is_whole(call):
                answer = Answer(verdict="error: reply cut off", note=f"{CUT_CALL}. {SHORTER}", failed=True)
            else:
                answer = self._act(call)
            self._messages.append(answer.as_message(call))
            self._remember(call, answer)
            accepted = accepted or (answer if answer.accepted else None)
        return accepted

    def _remember(self, call: ToolCall, answer: Answer) -> None:
        outcome = hashlib.sha256(f"{answer.verdict}\n{answer.text}\n{answer.note}".encode()).hexdigest()
        self._acts.append(Act(action=f"{call.name} {call.arguments}", outcome=outcome, failed=answer.failed))

    def _warn(self, reason: str) -> None:
        """Say once that this leads nowhere; the next time ends the turn."""
        self._warned = True
        self._acts.clear()
        self._silences = 0
        text = f"Verdict: going in circles\nYou are repeating yourself: {reason}. Step back and try another way, or submit."
        self._messages.append(Message(role="user", content=text))

    def _outcome(self, end: End, detail: str, submission: JsonValue = None) -> Outcome:
        calls = self._context.journal.spent.model_calls
        if end != "submitted":
            self._context.note("conversation", "denied", (detail,), f"ended by {end} after {calls} model calls")
        return Outcome(end=end, detail=detail, submission=submission, model_calls=calls)


def _is_whole(call: ToolCall) -> bool:
    try:
        json.loads(call.arguments or "{}")
    except ValueError:
        return False
    return True
