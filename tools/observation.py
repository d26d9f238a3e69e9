"""What a tool call gives back, in a form that fits into a model's context."""

from pydantic import JsonValue

from tools.record import Record

OUTPUT_CHARACTERS = 12_000
"""Characters of one output that a model is shown."""
_ADVICE = "look at parts of it with a command, such as head, tail, grep, or git diff on one file"


class Observation(Record):
    """The result of one tool call."""

    verdict: str
    """One line without times, hashes and paths outside the work tree: a replay compares it."""
    text: str = ""
    """What files, commands and services say: foreign, and shown to models inside a fence."""
    note: str = ""
    """What this program says of it, below the text."""
    data: JsonValue = None
    """The same for programs."""


def cut_middle(text: str, limit: int = OUTPUT_CHARACTERS) -> str:
    """The text, or its beginning and end with a note between that says how much is missing and what to do."""
    if len(text) <= limit:
        return text
    head = text[: limit // 2].rpartition("\n")[0] or text[: limit // 2]
    tail = text[-(limit - limit // 2) :].partition("\n")[2] or text[-(limit - limit // 2) :]
    left_out = text[len(head) : len(text) - len(tail)]
    note = f"[… {left_out.count(chr(10))} lines, {len(left_out)} characters are left out: {_ADVICE} …]"
    return f"{head}\n{note}\n{tail}"
