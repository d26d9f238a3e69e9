"""OpenAI's responses protocol, for endpoints and models that have no chat completions.

Protocol: https://platform.openai.com/docs/api-reference/responses
Nothing is stored there (`store: false`): each request carries the whole conversation, as with chat completions.
"""

from pydantic import JsonValue

from tools.chat import Message, ModelRequest
from tools.model_settings import ModelSettings
from tools.model_traits import EndpointTraits
from tools.model_wire import shape

Json = dict[str, JsonValue]


def responses_body(request: ModelRequest, traits: EndpointTraits, settings: ModelSettings) -> Json:
    """The JSON body of a request to /responses."""
    shaped = shape(request, traits)
    items: list[JsonValue] = [item for message in shaped.messages for item in _items(message)]
    body: Json = {"model": request.model, "input": items, "store": False}
    if shaped.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                "strict": False,
            }
            for tool in shaped.tools
        ]
    if shaped.response_schema is not None:
        name = shaped.schema_name or "reply"
        schema: Json = {"type": "json_schema", "name": name, "strict": True, "schema": shaped.response_schema}
        body["text"] = {"format": schema}
    if settings.max_output_tokens is not None:
        body["max_output_tokens"] = settings.max_output_tokens
    if settings.temperature is not None and traits.temperature:
        body["temperature"] = settings.temperature
    return {**body, **settings.extra}


def as_completion(response: JsonValue) -> JsonValue:
    """A response said as a chat completion; what is no response comes back as it is."""
    if not isinstance(response, dict) or not isinstance(response.get("output"), list):
        return response
    texts, thoughts, calls = _read(response["output"])
    message: Json = {"role": "assistant", "content": "".join(texts) or None}
    if calls:
        message["tool_calls"] = list(calls)
    if thoughts:
        message["reasoning_content"] = "\n".join(thoughts)
    choice: Json = {"index": 0, "message": message, "finish_reason": _finish(response, bool(calls))}
    completion: Json = {"object": "chat.completion", "model": response.get("model"), "choices": [choice]}
    completion.update({key: response[key] for key in ("id", "error") if response.get(key)})
    usage = response.get("usage")
    if isinstance(usage, dict):
        completion["usage"] = {
            "prompt_tokens": usage.get("input_tokens"),
            "completion_tokens": usage.get("output_tokens"),
            "prompt_tokens_details": usage.get("input_tokens_details"),
        }
    return completion


def _items(message: Message) -> list[JsonValue]:
    if message.role == "tool":
        return [{"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content or ""}]
    items: list[JsonValue] = []
    if message.content or not message.tool_calls:
        items.append({"role": message.role, "content": message.content or ""})
    items += [
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}
        for call in message.tool_calls
    ]
    return items


def _read(output: JsonValue) -> tuple[list[str], list[str], list[Json]]:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[Json] = []
    for item in output if isinstance(output, list) else []:
        if not isinstance(item, dict):
            continue
        if item.get("type") == "function_call":
            function: Json = {"name": item.get("name"), "arguments": item.get("arguments")}
            calls.append({"id": item.get("call_id"), "type": "function", "function": function})
        elif item.get("type") == "reasoning":
            thoughts += _parts(item.get("summary"))
        else:
            texts += _parts(item.get("content"))
    return texts, thoughts, calls


def _parts(value: JsonValue) -> list[str]:
    parts = [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
    texts = [part.get("text") or part.get("refusal") for part in parts]
    return [text for text in texts if isinstance(text, str)]


def _finish(response: Json, calls: bool) -> str:
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    if reason == "max_output_tokens":
        return "length"
    return reason if isinstance(reason, str) else "tool_calls" if calls else "stop"
