"""Telling when a role goes round in circles.

The patterns are those that long agent runs were seen to die of: the same action with the same outcome, the same
error again, words without actions, and two actions taking turns.
"""

from __future__ import annotations

from agents.threads import Record

REPEATS = 4
"""The same action with the same outcome this many times in a row."""
ERRORS = 3
"""The same failing action this many times in a row, whatever it printed."""
SILENCES = 3
"""Replies without any action in a row."""
ALTERNATIONS = 6
"""Steps of two actions taking turns."""


class Act(Record):
    """One tool call and what came of it."""

    action: str
    """The tool and its arguments, as text."""
    outcome: str
    """The digest of its result."""
    failed: bool


def stuck_reason(acts: list[Act], silences: int) -> str | None:
    """Return in words how the role is stuck, or None."""
    if silences >= SILENCES:
        return f"{silences} replies in a row without a tool call"
    last = acts[-REPEATS:]
    if len(last) == REPEATS and len({(act.action, act.outcome) for act in last}) == 1:
        return f"the same action with the same result {REPEATS} times in a row"
    errors = acts[-ERRORS:]
    if len(errors) == ERRORS and all(act.failed for act in errors) and len({act.action for act in errors}) == 1:
        return f"the same failing action {ERRORS} times in a row"
    turns = [(act.action, act.outcome) for act in acts[-ALTERNATIONS:]]
    if (
        len(turns) == ALTERNATIONS
        and len(set(turns)) == 2
        and turns[0::2] == [turns[0]] * 3
        and turns[1::2] == [turns[1]] * 3
    ):
        return f"two actions taking turns for {ALTERNATIONS} steps"
    return None
