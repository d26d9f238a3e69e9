"""Reading a reply the way endpoints really send it: thoughts in the text, calls in the text, words mixed up."""

import re
from typing import NamedTuple

from pydantic import JsonValue

from tools.chat import ModelRequest, ToolCall
from tools.text_calls import call_id, marked_calls, read_calls

_THINK = re.compile(r"\A\s*<think(?:ing)?>(?P<thought>.*?)(?:</think(?:ing)?>|\Z)", re.DOTALL)
_HALF_THINK = re.compile(r"\A(?P<thought>[^{\[`].*?)</think(?:ing)?>", re.DOTALL)
_LENGTH = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})


class Said(NamedTuple):
    """What a reply says."""

    content: str | None
    calls: tuple[ToolCall, ...]
    reasoning: str | None


def understood(said: Said, request: ModelRequest, *, in_text: bool) -> Said:
    """The reply with thoughts taken out of the text, and calls that stand in the text made real.

    ``in_text`` says that the text is where the model was told to write its calls.
    """
    content, reasoning = _without_thoughts(said.content, said.reasoning)
    if said.calls or not request.tools:
        return Said(content, _told_apart(said.calls, request.turn), reasoning)
    if content is not None:
        found = read_calls(content, request.tools, request.turn)
        known = {tool.name for tool in request.tools}
        if found.calls and (in_text or all(call.name in known for call in found.calls)):
            return Said(found.text, found.calls, reasoning)
    elif reasoning is not None:  # vLLM's reasoning parsers can swallow a call that came before </think>
        found = marked_calls(reasoning, request.tools, request.turn)
        if found.calls:
            return Said(None, found.calls, found.text)
    return Said(content, (), reasoning)


def finish_of(word: JsonValue, *, calls: bool) -> str:
    """Why the reply ended, in the protocol's words and in accord with what it holds."""
    said = word if isinstance(word, str) else ""
    if said.lower() in _LENGTH:
        return "length"
    if said in ("", "stop", "tool_calls", "function_call", "tool_use", "eos", "end_turn", "stop_sequence"):
        return "tool_calls" if calls else "stop"
    return said


def _without_thoughts(content: str | None, reasoning: str | None) -> tuple[str | None, str | None]:
    if not content:
        return None, reasoning
    found = _THINK.match(content) or _HALF_THINK.match(content)
    if found is None:
        return content, reasoning
    rest = content[found.end() :].strip() or None
    return rest, reasoning or found["thought"].strip() or None


def _told_apart(calls: tuple[ToolCall, ...], turn: str) -> tuple[ToolCall, ...]:
    """The calls with an id each, unlike the others."""
    seen: set[str] = set()
    told: list[ToolCall] = []
    for index, call in enumerate(calls):
        if not call.id or call.id in seen:
            call = call.model_copy(update={"id": call_id(turn, index)})
        seen.add(call.id)
        told.append(call)
    return tuple(told)
