"""A streamed chat completion put together again, as if it had come in one piece."""

from collections.abc import Iterable

from pydantic import JsonValue

Json = dict[str, JsonValue]


class StreamCut(Exception):
    """The stream ended before the endpoint gave a finish reason."""


def assemble(chunks: Iterable[Json]) -> Json:
    """The whole completion of a stream's chunks (first choice only). Raises StreamCut."""
    whole: Json = {"object": "chat.completion"}
    content: list[str] = []
    calls: dict[int, dict[str, str]] = {}
    finish: str | None = None
    for chunk in chunks:
        whole.update({key: chunk[key] for key in ("id", "model", "usage", "error") if chunk.get(key)})
        choice = _first_choice(chunk)
        delta = choice.get("delta")
        if isinstance(delta, dict):
            text = delta.get("content") or delta.get("refusal")
            if isinstance(text, str):
                content.append(text)
            _add_calls(calls, delta.get("tool_calls"))
        reason = choice.get("finish_reason")
        finish = reason if isinstance(reason, str) else finish
    if finish is None:
        raise StreamCut(f"after {sum(map(len, content))} characters and {len(calls)} tool calls")
    message: Json = {"role": "assistant", "content": "".join(content) or None}
    if calls:
        message["tool_calls"] = [_whole_call(calls[index]) for index in sorted(calls)]
    whole["choices"] = [{"index": 0, "message": message, "finish_reason": finish}]
    return whole


def _first_choice(chunk: Json) -> Json:
    choices = chunk.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _add_calls(calls: dict[int, dict[str, str]], deltas: JsonValue) -> None:
    for position, delta in enumerate(deltas if isinstance(deltas, list) else []):
        if not isinstance(delta, dict):
            continue
        index = delta.get("index")
        call = calls.setdefault(index if isinstance(index, int) else position, {"name": "", "arguments": ""})
        if isinstance(delta.get("id"), str):
            call.setdefault("id", str(delta["id"]))
        function = delta.get("function")
        for key in ("name", "arguments"):
            part = function.get(key) if isinstance(function, dict) else None
            call[key] += part if isinstance(part, str) else ""


def _whole_call(call: dict[str, str]) -> JsonValue:
    function: Json = {"name": call["name"], "arguments": call["arguments"]}
    return {"id": call.get("id", ""), "type": "function", "function": function}
