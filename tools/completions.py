"""Our chat records in the words of the chat completions protocol, and back.

The one place that knows the protocol's JSON: the model client, the stream reader and the transcripts use it.
Protocol: https://platform.openai.com/docs/api-reference/chat
"""

import json
from collections.abc import Mapping

from pydantic import JsonValue

from local.transcript import RecordedRequest, TranscriptEntry
from tools.chat import Message, ModelReply, ModelRequest, ToolCall, ToolSchema, Usage
from tools.errors import ModelReplyBroken
from tools.model_overflow import CHARACTERS_PER_TOKEN, request_tokens
from tools.model_replies import Said, finish_of, understood
from tools.pricing import PriceTable

Json = dict[str, JsonValue]


def request_body(request: ModelRequest) -> Json:
    """The JSON body of a request, as an endpoint without quirks takes it; transcripts keep this form."""
    body: Json = {"model": request.model, "messages": [message_json(m) for m in request.messages]}
    if request.tools:
        body["tools"] = [tool_json(tool) for tool in request.tools]
    if request.response_schema is not None:
        body["response_format"] = response_format(request)
    return body


def response_format(request: ModelRequest) -> Json:
    """What holds the reply to the request's schema."""
    name = request.schema_name or "reply"
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": request.response_schema}}


def message_json(message: Message) -> Json:
    """One message in the protocol's words."""
    body: Json = {"role": message.role, "content": message.content}
    if message.tool_calls:
        body["tool_calls"] = [_call_json(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    return body


def with_schema_in_text(request: ModelRequest) -> ModelRequest:
    """The request with its response schema said in a last message, for endpoints without response_format."""
    schema = json.dumps(request.response_schema, ensure_ascii=False)
    text = f"Answer with one JSON object alone, no other text, that is valid against this JSON Schema:\n{schema}"
    messages = (*request.messages, Message(role="user", content=text))
    return request.model_copy(update={"messages": messages, "response_schema": None, "schema_name": ""})


def reply_from_completion(
    completion: JsonValue, request: ModelRequest, prices: PriceTable, *, in_text: bool = False
) -> ModelReply:
    """The reply in a chat completion's JSON. Raises ModelReplyBroken when there is none in it.

    Lenient where endpoints are known to differ: arguments given as an object, missing call ids or finish
    reason, a refusal in place of content, no usage, thoughts or calls in the text. ``in_text`` says that the
    model was asked to write its calls into the text.
    """
    if not isinstance(completion, dict):
        raise _broken(request, "the body is not a JSON object", completion)
    choices = completion.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise _broken(request, "it has no choices", completion)
    choice = choices[0]
    message = choice.get("message")
    if not isinstance(message, dict):
        raise _broken(request, "its first choice has no message", completion)
    said = understood(
        Said(
            _text(message.get("content")) or _text(message.get("refusal")),
            _tool_calls(message.get("tool_calls") or message.get("function_call"), request),
            _text(message.get("reasoning_content")) or _text(message.get("reasoning")),
        ),
        request,
        in_text=in_text,
    )
    return ModelReply(
        content=said.content,
        tool_calls=said.calls,
        finish_reason=finish_of(choice.get("finish_reason"), calls=bool(said.calls)),
        usage=_usage(completion.get("usage"), request, said, prices),
        model=_text(completion.get("model")) or request.model,
        reasoning=said.reasoning,
    )


def completion_from_reply(reply: ModelReply, turn: str) -> Json:
    """A whole chat completion that says what the reply says; the inverse of reply_from_completion."""
    message: Json = {"role": "assistant", "content": reply.content}
    if reply.tool_calls:
        message["tool_calls"] = [_call_json(call) for call in reply.tool_calls]
    if reply.reasoning is not None:
        message["reasoning_content"] = reply.reasoning
    completion: Json = {
        "id": f"chatcmpl-{turn}",
        "object": "chat.completion",
        "created": 0,
        "model": reply.model,
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish_reason}],
    }
    usage = reply.usage
    if not usage.estimated:
        completion["usage"] = {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        }
    return completion


def transcript_entry(request: ModelRequest, reply: ModelReply) -> TranscriptEntry:
    """The line of a transcript that lets the replay server answer this request with this reply."""
    body = request_body(request)
    messages = body["messages"]
    tools = body.get("tools", [])
    recorded = RecordedRequest.model_validate(
        {
            "model": request.model,
            "messages": messages,
            "tools": tools,
            "response_schema": request.response_schema,
        }
    )
    return TranscriptEntry(turn=request.turn, request=recorded, reply=completion_from_reply(reply, request.turn))


def tool_json(tool: ToolSchema) -> JsonValue:
    """One tool in the protocol's words."""
    function: Json = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _call_json(call: ToolCall) -> JsonValue:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _text(value: JsonValue) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list):  # some endpoints give content as a list of parts
        texts = [part.get("text") for part in value if isinstance(part, dict)]
        return "".join(text for text in texts if isinstance(text, str)) or None
    return None


def _tool_calls(value: JsonValue, request: ModelRequest) -> tuple[ToolCall, ...]:
    if value is None:
        return ()
    if isinstance(value, dict):  # the protocol before tools: one `function_call`
        value = [{"function": value}]
    if not isinstance(value, list):
        raise _broken(request, "its tool_calls are not a list", value)
    return tuple(_tool_call(item, index, request) for index, item in enumerate(value))


def _tool_call(item: JsonValue, index: int, request: ModelRequest) -> ToolCall:
    function = item.get("function") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(function, dict):
        raise _broken(request, f"its tool call {index} has no function", item)
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments if arguments is not None else {})
    return ToolCall(id=_text(item.get("id")) or "", name=_text(function.get("name")) or "", arguments=arguments)


def _usage(value: JsonValue, request: ModelRequest, said: Said, prices: PriceTable) -> Usage:
    usage = value if isinstance(value, dict) else {}
    prompt, completion = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    cached = _cached(usage)
    estimated = not prompt or completion is None
    if not prompt:  # no prompt is empty: an endpoint that says 0 does not count
        prompt = request_tokens(request)
    if completion is None:
        written = (said.content or "") + (said.reasoning or "")
        completion = _estimate(written + "".join(call.name + call.arguments for call in said.calls))
    cost = prices.cost_usd(request.model, prompt, completion, cached)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost_usd=cost,
        cached_tokens=cached,
        estimated=estimated,
    )


def _cached(usage: Mapping[str, JsonValue]) -> int:
    """Prompt tokens from the cache: OpenAI's field, else those of DeepSeek, Moonshot and Anthropic."""
    details = usage.get("prompt_tokens_details")
    found = _count(details, "cached_tokens") if isinstance(details, dict) else None
    if found:
        return found
    names = ("prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens")
    return next((count for name in names if (count := _count(usage, name))), 0)


def _count(usage: Mapping[str, JsonValue], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _estimate(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _broken(request: ModelRequest, what: str, value: JsonValue) -> ModelReplyBroken:
    shown = json.dumps(value, ensure_ascii=False)[:300]
    return ModelReplyBroken(
        f"the reply of {request.model} for turn {request.turn} is unusable: {what}: {shown}",
        "Check that the endpoint speaks the chat completions protocol, then retry.",
    )
