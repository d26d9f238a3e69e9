"""A streamed chat completion put together again, as if it had come in one piece.

Lenient where servers are known to differ: no index, the same index for all calls (Ollama), no id, the name said
again in each piece, arguments as an object, the whole said once more at the end, usage in every chunk.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import JsonValue

Json = dict[str, JsonValue]

LONG = 20
"""Characters from which a piece that equals all before it is taken for a repetition."""


class StreamCut(Exception):
    """The stream ended before the endpoint gave a finish reason."""


@dataclass
class _Call:
    """A tool call as far as it has come."""

    id: str = ""
    index: int | None = None
    name: str = ""
    arguments: str = ""


@dataclass
class _Message:
    """The message as far as it has come."""

    content: str = ""
    reasoning: str = ""
    calls: list[_Call] = field(default_factory=list)
    finish: str | None = None


def assemble(chunks: Iterable[Json]) -> Json:
    """The whole completion of a stream's chunks (first choice only). Raises StreamCut."""
    whole: Json = {"object": "chat.completion"}
    said = _Message()
    for chunk in chunks:
        whole.update({key: chunk[key] for key in ("id", "model", "usage", "error") if chunk.get(key)})
        choice = _first_choice(chunk)
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            _add(said, delta)
        reason = choice.get("finish_reason")
        said.finish = reason if isinstance(reason, str) and reason else said.finish
    if said.finish is None:
        raise StreamCut(f"after {len(said.content)} characters and {len(said.calls)} tool calls")
    message: Json = {"role": "assistant", "content": said.content or None}
    if said.reasoning:
        message["reasoning_content"] = said.reasoning
    if said.calls:
        message["tool_calls"] = [_whole_call(call) for call in _in_order(said.calls)]
    whole["choices"] = [{"index": 0, "message": message, "finish_reason": said.finish}]
    return whole


def _first_choice(chunk: Json) -> Json:
    choices = chunk.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _add(said: _Message, delta: Json) -> None:
    said.content = _joined(said.content, delta.get("content") or delta.get("refusal"))
    said.reasoning = _joined(said.reasoning, delta.get("reasoning_content") or delta.get("reasoning"))
    calls = delta.get("tool_calls")
    for piece in calls if isinstance(calls, list) else []:
        if isinstance(piece, dict):
            _add_call(said.calls, piece)


def _joined(before: str, piece: JsonValue) -> str:
    if not isinstance(piece, str) or (len(piece) >= LONG and piece == before):
        return before
    return before + piece


def _add_call(calls: list[_Call], piece: Json) -> None:
    call_id, index, function = piece.get("id"), piece.get("index"), piece.get("function")
    function = function if isinstance(function, dict) else {}
    name = function.get("name")
    call = _call_of(
        calls,
        call_id if isinstance(call_id, str) else "",
        index if isinstance(index, int) else None,
        begins=isinstance(name, str) and bool(name),
    )
    if isinstance(name, str) and name != call.name:
        call.name += name
    arguments = function.get("arguments")
    if isinstance(arguments, dict | list):
        arguments = json.dumps(arguments)
    if isinstance(arguments, str) and not (arguments == call.arguments and _is_json(arguments)):
        call.arguments += arguments


def _call_of(calls: list[_Call], call_id: str, index: int | None, *, begins: bool) -> _Call:
    """The call that a piece belongs to: by its id, else by its index, else the last one; a new one otherwise."""
    for call in reversed(calls):
        if call_id and call.id == call_id and call.index == index:
            return call
    if index is not None:
        known = next((call for call in reversed(calls) if call.index == index), None)
        if known is not None and not (call_id and known.id and begins):
            known.id = known.id or call_id
            return known
    elif calls and not call_id and not (begins and _is_json(calls[-1].arguments)):
        return calls[-1]
    calls.append(_Call(id=call_id, index=index))
    return calls[-1]


def _in_order(calls: list[_Call]) -> list[_Call]:
    """By index, where each has its own; else as they came."""
    if len({call.index for call in calls}) == len(calls) and all(call.index is not None for call in calls):
        return sorted(calls, key=lambda call: call.index or 0)
    return calls


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _whole_call(call: _Call) -> JsonValue:
    function: Json = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}
