"""The text protocol of tool calls: a conversation said without the protocol's own tools.

The tools are described at the end of the system prompt, earlier calls stand in the assistant's text as it should
write them, results come as user messages. Nothing of this is seen outside of the model client: requests and
replies, journals and transcripts keep their tool calls.
"""

import json
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from prompts import render
from tools.chat import Message, ModelRequest, ToolCall, ToolSchema

_TAGS = ("<parameter", "</parameter>", "<function", "</function>", "<tool_call", "</tool_call>", "<invoke", "</invoke>")


def in_text(request: ModelRequest) -> ModelRequest:
    """The request with its tools, calls and results in the text; messages of one side are joined."""
    names: dict[str, str] = {}
    messages: list[Message] = []
    for message in _with_tools(request):
        names.update({call.id: call.name for call in message.tool_calls})
        said = _said(message, names)
        if messages and messages[-1].role == said.role and said.role != "system":
            said = Message(role=said.role, content=f"{messages.pop().content}\n\n{said.content}")
        messages.append(said)
    return request.model_copy(update={"messages": tuple(messages), "tools": ()})


def tools_prompt(tools: Sequence[ToolSchema]) -> str:
    """What a model is told of the tools and of how to call them."""
    shown = [
        {"name": tool.name, "description": tool.description, "parameters": list(_parameters(tool))} for tool in tools
    ]
    return render("text_tools", tools=shown).rstrip()


def call_text(call: ToolCall) -> str:
    """One call as the model should have written it."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        return f"<tool_call>\n<function={call.name}>\n{call.arguments}\n</function>\n</tool_call>"
    if any(tag in call.arguments for tag in _TAGS) or any(not name or set(name) & set('<>" =') for name in arguments):
        body = json.dumps({"name": call.name, "arguments": arguments}, ensure_ascii=False)
        return f"<tool_call>\n{body}\n</tool_call>"
    parts = "".join(f"<parameter={name}>\n{_plain(value)}\n</parameter>\n" for name, value in arguments.items())
    return f"<tool_call>\n<function={call.name}>\n{parts}</function>\n</tool_call>"


def _with_tools(request: ModelRequest) -> Iterable[Message]:
    """The messages, with the description of the tools at the end of the system prompt."""
    if not request.tools:
        return request.messages
    told = tools_prompt(request.tools)
    first, rest = request.messages[:1], request.messages[1:]
    if first and first[0].role == "system":
        return (Message(role="system", content=f"{first[0].content}\n\n{told}"), *rest)
    return (Message(role="system", content=told), *request.messages)


def _said(message: Message, names: dict[str, str]) -> Message:
    if message.role == "tool":
        name = names.get(message.tool_call_id or "", "")
        return Message(role="user", content=f'<tool_result name="{name}">\n{message.content or ""}\n</tool_result>')
    if message.role == "assistant":
        parts = [message.content or "", *map(call_text, message.tool_calls)]
        return Message(role="assistant", content="\n\n".join(part for part in parts if part))
    return message


def _plain(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _parameters(tool: ToolSchema) -> Iterable[dict[str, JsonValue]]:
    properties, required = tool.parameters.get("properties"), tool.parameters.get("required")
    for name, schema in (properties if isinstance(properties, dict) else {}).items():
        needed = isinstance(required, list) and name in required
        yield {"name": name, "schema": json.dumps(schema, ensure_ascii=False), "required": needed}
