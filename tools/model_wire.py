"""A request in the words that one endpoint takes: the chat completions body, shaped by the traits."""

from collections.abc import Sequence

from pydantic import JsonValue

from tools.chat import Message, ModelRequest
from tools.completions import message_json, response_format, tool_json, with_schema_in_text
from tools.model_settings import ModelSettings
from tools.model_text import in_text
from tools.model_traits import EndpointTraits

Json = dict[str, JsonValue]
_MARK: JsonValue = {"type": "ephemeral"}


def chat_body(request: ModelRequest, traits: EndpointTraits, settings: ModelSettings) -> Json:
    """The JSON body of a chat completions request."""
    shaped = shape(request, traits)
    messages = [_message(message, traits) for message in shaped.messages]
    if traits.cache_marks:
        _mark(messages)
    body: Json = {"model": request.model, "messages": list(messages)}
    if shaped.tools:
        body["tools"] = [tool_json(tool) for tool in shaped.tools]
    if shaped.response_schema is not None:
        body["response_format"] = response_format(shaped)
    elif request.response_schema is not None and traits.response_format == "json_object":
        body["response_format"] = {"type": "json_object"}
    if settings.max_output_tokens is not None:
        body[traits.output_limit] = settings.max_output_tokens
    if settings.temperature is not None and traits.temperature:
        body["temperature"] = settings.temperature
    if settings.stream:
        body["stream"] = True
        if traits.stream_usage:
            body["stream_options"] = {"include_usage": True}
    return {**body, **settings.extra}


def shape(request: ModelRequest, traits: EndpointTraits) -> ModelRequest:
    """The request with the messages, tools and schema that the endpoint takes."""
    if traits.tools == "text":
        request = in_text(request)
    if request.response_schema is not None and traits.response_format != "json_schema":
        request = with_schema_in_text(request)
    messages: Sequence[Message] = request.messages
    if not traits.parallel_calls:
        messages = _one_by_one(messages)
    if traits.system == "user":
        messages = _folded(messages)
    if traits.alternating:
        messages = _joined(messages)
    if messages is request.messages:
        return request
    return request.model_copy(update={"messages": tuple(messages)})


def _message(message: Message, traits: EndpointTraits) -> Json:
    body = message_json(message)
    if message.role == "system" and traits.system == "developer":
        body["role"] = "developer"
    if message.role != "assistant":
        return body
    if message.content is None and (traits.empty_content == "empty" or not message.tool_calls):
        body["content"] = ""
    if message.reasoning and traits.reasoning != "dropped":
        body[traits.reasoning] = message.reasoning
    return body


def _one_by_one(messages: Sequence[Message]) -> list[Message]:
    """Each call in a message of its own, followed by its answer."""
    answers = {message.tool_call_id: message for message in messages if message.role == "tool"}
    said: list[Message] = []
    placed: set[str | None] = set()
    for message in messages:
        if message.role == "tool" and message.tool_call_id in placed:
            continue
        if len(message.tool_calls) < 2:
            said.append(message)
            continue
        for number, call in enumerate(message.tool_calls):
            said.append(
                message.model_copy(update={"tool_calls": (call,), "content": message.content if number == 0 else None})
            )
            if call.id in answers:
                said.append(answers[call.id])
                placed.add(call.id)
    return said


def _folded(messages: Sequence[Message]) -> list[Message]:
    """System prompts as user messages; the first one is joined with what follows."""
    said = [
        Message(role="user", content=message.content) if message.role == "system" else message for message in messages
    ]
    return _joined(said)


def _joined(messages: Sequence[Message]) -> list[Message]:
    """No two user messages in a row, and none right after a tool's answer: their text goes to the one before."""
    said: list[Message] = []
    for message in messages:
        last = said[-1] if said else None
        if message.role == "user" and last is not None and last.role in ("user", "tool"):
            said[-1] = last.model_copy(update={"content": f"{last.content or ''}\n\n{message.content or ''}"})
        else:
            said.append(message)
    return said


def _mark(messages: list[Json]) -> None:
    """Mark what stays the same: the system prompt, and the last message but one turn, and the newest."""
    places = [0, *[index for index, message in enumerate(messages) if message["role"] in ("user", "tool")][-2:]]
    for index in dict.fromkeys(places):
        content = messages[index].get("content")
        if isinstance(content, str) and content:
            messages[index]["content"] = [{"type": "text", "text": content, "cache_control": _MARK}]
