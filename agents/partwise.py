"""Asking the Reviewer's model about a change: about the whole where it fits, else about part after part."""

from __future__ import annotations

from collections.abc import Callable

from agents.crew import TurnContext
from agents.findings import Finding, ReviewReply
from agents.fitting import Prompt, complete_fitting, leave_out
from agents.review_parts import MOST, Part, halves
from agents.review_prompt import Material, messages_for
from agents.sign_off import joined_reply, too_long, unshown
from agents.tasks import planned_task
from agents.threads import Record
from agents.words import Listener
from tools.errors import ContextOverflow

MOST_ASKED = 2 * MOST
"""Parts of one change that the model is asked about, where they had to be cut for its context."""
SPLIT = "the rest of the change, which is read for itself"

Problems = Callable[[ReviewReply, list[Finding], bool], list[str]]
"""Tells what is wrong with a reply, given the findings that it is to speak of and whether it speaks of the whole."""


class Heard(Record):
    """What the model says of a change."""

    reply: ReviewReply
    """On the whole change; of several parts their replies joined."""
    parts: int
    """Parts that were read."""
    missing: tuple[Finding, ...] = ()
    """What keeps the parts together from being signed off: points that none shows, files that were not read."""
    unread: tuple[str, ...] = ()


def heard_of(context: TurnContext, seen: Material, earlier: list[Finding], problems: Problems) -> Heard:
    """Return what the model says; a part that outgrows its context is cut, up to a bound, and then named as not read."""
    asking = _Asking(context, seen, problems)
    waiting, left = list(seen.parts), list(earlier)
    replies: list[ReviewReply] = []
    unread: list[str] = []
    while waiting:
        part = waiting.pop(0)
        if len(replies) == MOST_ASKED:
            unread += part.names
            continue
        last = not waiting or len(replies) + 1 == MOST_ASKED
        asked = [one for one in left if last or one.path in part.names]
        try:
            replies.append(asking.ask(part, asked, alone=not waiting and not replies))
        except ContextOverflow as fault:
            pieces = halves(part)
            if len(pieces) == 1:
                raise
            leave_out(context, SPLIT, fault)
            waiting = [*pieces, *waiting]
            continue
        left = [one for one in left if one not in asked]
    return _joined(context, seen, replies, list(dict.fromkeys(unread)))


def _joined(context: TurnContext, seen: Material, replies: list[ReviewReply], unread: list[str]) -> Heard:
    if len(replies) == 1 and not unread:
        return Heard(reply=replies[0], parts=1)
    reply = joined_reply(replies)
    points = planned_task(context).task.done_when
    return Heard(
        reply=reply,
        parts=len(replies),
        missing=(*unshown(reply, points, min(seen.changed, default="")), *too_long(unread)),
        unread=tuple(f"{name} (beyond what one review reads)" for name in unread),
    )


class _Asking:
    """The questions on one change."""

    def __init__(self, context: TurnContext, seen: Material, problems: Problems) -> None:
        self._context, self._seen, self._problems = context, seen, problems
        self._said = Listener(context).news()

    def ask(self, part: Part, earlier: list[Finding], alone: bool) -> ReviewReply:
        """Ask about one part, and with less around it where that is too long."""
        planned = planned_task(self._context)
        said = [self._said] if self._said else []
        shown = None if alone else part
        prompts = [
            Prompt(left_out, (*messages_for(self._context, planned, seen, earlier, shown), *said))
            for left_out, seen in (("", self._seen), ("all but the change itself", self._seen.bare))
        ]
        return complete_fitting(
            self._context, prompts, ReviewReply, lambda reply: self._problems(reply, earlier, alone)
        )
