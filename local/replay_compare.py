"""Whether a request is the recorded one in what counts, and where its wording has changed."""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import NamedTuple

from pydantic import JsonValue

from local.replay_normalise import normalise
from local.transcript import RecordedRequest

VERDICT = "Verdict: "
"""Begins each line that a verdict hangs on."""
_SHOWN = 300
_MISSING = "(nothing)"

Message = Mapping[str, JsonValue]


class Wording(NamedTuple):
    """A message whose words differ in something that does not count."""

    place: int
    """Index of the message."""
    role: str
    recorded: str
    now: str

    @property
    def diff(self) -> str:
        """The first difference in one short line."""
        before, after = self.recorded.split("\n"), self.now.split("\n")
        changed = [line for line in difflib.ndiff(before, after) if line.startswith(("- ", "+ "))]
        return " | ".join(_short(line, 120) for line in changed[:4])


class Comparison(NamedTuple):
    """What differs between the recorded request and the one made now."""

    mismatches: tuple[str, ...]
    """Differences that count; each says which message, what was recorded and what is there now."""
    wordings: tuple[Wording, ...]


def compare(recorded: RecordedRequest, body: Mapping[str, JsonValue]) -> Comparison:
    """Compare a recorded request with the body of one made now.

    Tool names, assistant messages and verdict lines count, after normalisation; the model's name, the ids of
    tool calls, descriptions of tools and all other wording do not.
    """
    now = _messages(body.get("messages"))
    mismatches = [
        *_differing_tools(recorded.tools, body.get("tools")),
        *_differing_assistants(recorded.messages, now),
        *_differing_verdicts(recorded.messages, now),
    ]
    return Comparison(tuple(mismatches), tuple(_wordings(recorded.messages, now)))


def text_of(message: Message) -> str:
    """A message's text; of a list of parts, that of its text parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _messages(value: JsonValue) -> tuple[Message, ...]:
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _differing_tools(recorded: Sequence[Message], now: JsonValue) -> Iterable[str]:
    before, after = sorted(map(_function_name, recorded)), sorted(map(_function_name, _messages(now)))
    if before != after:
        yield _difference("the names of the tools", ", ".join(before), ", ".join(after))


def _function_name(tool: Message) -> str:
    function = tool.get("function")
    return str(function.get("name", "")) if isinstance(function, dict) else ""


def _differing_assistants(recorded: Sequence[Message], now: Sequence[Message]) -> Iterable[str]:
    pairs = zip_longest(_of_role(recorded, "assistant"), _of_role(now, "assistant"))
    for number, (before, after) in enumerate(pairs, start=1):
        said, says = _said(before), _said(after)
        if said != says:
            index = (after or before or (0, {}))[0]
            yield _difference(f"assistant message {number} (message {index})", said, says)


def _of_role(messages: Sequence[Message], role: str) -> list[tuple[int, Message]]:
    return [(index, message) for index, message in enumerate(messages) if message.get("role") == role]


def _said(found: tuple[int, Message] | None) -> str:
    """An assistant message's content and calls in one normalised text."""
    if found is None:
        return _MISSING
    message = found[1]
    calls = message.get("tool_calls")
    lines = [text_of(message), *(_call(call) for call in _messages(calls))]
    return normalise("\n".join(lines).strip())


def _call(call: Message) -> str:
    function = call.get("function")
    if not isinstance(function, dict):
        return "(no function)"
    arguments = str(function.get("arguments", ""))
    with suppress(ValueError):  # the same arguments may be written with other spaces
        arguments = json.dumps(json.loads(arguments), sort_keys=True, ensure_ascii=False)
    return f"{function.get('name', '')}({arguments})"


def _differing_verdicts(recorded: Sequence[Message], now: Sequence[Message]) -> Iterable[str]:
    before, after = _verdicts(recorded), _verdicts(now)
    said, says = [line for _, line in before], [line for _, line in after]
    # aligned, so that one line too many is told as that and not as a difference of all that follow
    matcher = difflib.SequenceMatcher(None, said, says, autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind != "equal":
            place = (after[new_start:new_end] or before[start:end])[0][0]
            was, now_is = " / ".join(said[start:end]), " / ".join(says[new_start:new_end])
            yield _difference(f"a verdict in {place}", was or _MISSING, now_is or _MISSING)


def _verdicts(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """Each verdict line with the message it stands in."""
    return [
        (f"message {index} ({message.get('role')})", normalise(line.strip()))
        for index, message in enumerate(messages)
        if message.get("role") != "assistant"
        for line in text_of(message).split("\n")
        if line.startswith(VERDICT)
    ]


def _wordings(recorded: Sequence[Message], now: Sequence[Message]) -> Iterable[Wording]:
    for role in ("system", "user", "tool"):
        for before, after in zip_longest(_of_role(recorded, role), _of_role(now, role)):
            said = normalise(text_of(before[1])) if before else _MISSING
            says = normalise(text_of(after[1])) if after else _MISSING
            if said != says:
                yield Wording((after or before or (0, {}))[0], role, said, says)


def _difference(what: str, recorded: str, now: str) -> str:
    return f"{what}: recorded {_short(recorded, _SHOWN)!r}, now {_short(now, _SHOWN)!r}"


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
