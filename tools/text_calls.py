"""Tool calls that a model wrote into its text: our own form, and those that models are trained to write.

`prompts/text_tools.md` shows models our form. Read besides: JSON objects in `<tool_call>` tags or fences or alone,
the forms of Qwen3-Coder, Llama, Mistral and DeepSeek. What cannot be read becomes a call all the same, with its text
as arguments, so that whoever carries it out tells the model what is wrong.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from tools.calls_in_json import calls_in_json, calls_of, json_at, json_values
from tools.chat import ToolCall, ToolSchema

UNREADABLE = "tool_call"
"""Stands for the name of a tool that could not be read."""


class TextReply(NamedTuple):
    """What a text holds."""

    text: str | None
    """What is left without the calls; None when nothing is."""
    calls: tuple[ToolCall, ...]


class _Span(NamedTuple):
    """A part of the text that holds calls."""

    start: int
    end: int
    calls: list[tuple[str, str]]
    """Names with arguments."""


Schemas = Mapping[str, ToolSchema]

_FUNCTION = re.compile(
    r"<function=\"?(?P<a>[^>\"\s]+)\"?\s*>|<invoke\s+name=\"(?P<b>[^\"]+)\"\s*>|<tool_call\s+name=\"(?P<c>[^\"]+)\"\s*>"
)
_FUNCTION_END = re.compile(r"</function>|</invoke>|</tool_call>")
_NEXT = re.compile(r"<tool_call[\s>]|<function=|<invoke\s")
_PARAMETER = re.compile(
    r"<parameter(?:=\"?(?P<a>[^>\"\s]+)\"?|\s+name=\"(?P<b>[^\"]+)\")\s*>(?P<value>.*?)</parameter>\s*"
    r"(?=<parameter[=\s]|\Z)",
    re.DOTALL,
)
_TAGGED = re.compile(
    r"<(?P<tag>tool_call|function_call|toolcall|tool)>(?P<body>.*?)(?:</(?P=tag)>|(?=<(?P=tag)>)|\Z)", re.DOTALL
)
_WRAPPERS = re.compile(r"</?(?:tool_calls?|function_calls|toolcall|tool)(?:\s[^<>]*)?>")
_FENCE = re.compile(r"```(?:json|tool_calls?|tool_code|tool)?[ \t]*\n(?P<body>.*?)\n?[ \t]*```", re.DOTALL)
_MISTRAL = re.compile(r"\[TOOL_CALLS\]\s*(?:(?P<name>[\w.-]+)\s*(?:\[CALL_ID\]\w+)?(?:\[ARGS\])?\s*)?(?=[\[{])")
_DEEPSEEK = re.compile(
    r"<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?(?P<name>[^<\n｜]+)(?:<｜tool▁sep｜>)?\s*(?:```json)?"
    r"(?P<body>.*?)(?:```)?\s*<｜tool▁call▁end｜>",
    re.DOTALL,
)
_LLAMA = re.compile(r"<\|python_tag\|>\s*(?=[\[{])")
_MARKS = re.compile(r"<｜tool▁calls▁(?:begin|end)｜>|<\|eom_id\|>|<\|tool_call(?:s_section)?_(?:begin|end)\|>")
_NAME = re.compile(r"\"(?:name|tool)\"\s*:\s*\"(?P<name>[^\"]{1,100})\"")


def read_calls(text: str, tools: Sequence[ToolSchema], turn: str) -> TextReply:
    """The calls in a text, in its order, and the text without them.

    Marked forms are read whatever tool they name; JSON that is not marked only when it names one of `tools`.
    """
    schemas = {tool.name: tool for tool in tools}
    for reader in (_marked, _fenced, _bare):
        spans = list(reader(text, schemas))
        if spans:
            return _without(text, spans, turn)
    return TextReply(text, ())


def marked_calls(text: str, tools: Sequence[ToolSchema], turn: str) -> TextReply:
    """Like read_calls, but only of marked forms that name one of `tools`."""
    schemas = {tool.name: tool for tool in tools}
    spans = [span for span in _marked(text, schemas) if all(name in schemas for name, _ in span.calls)]
    return _without(text, spans, turn) if spans else TextReply(text, ())


def call_id(turn: str, index: int) -> str:
    """An id for a call that came without one: nine letters and digits, as Mistral's servers demand, unlike any other."""
    return hashlib.sha256(f"{turn}/{index}".encode("utf-8", "surrogatepass")).hexdigest()[:9]


def _without(text: str, spans: list[_Span], turn: str) -> TextReply:
    left, place = [], 0
    for span in spans:
        left.append(text[place : span.start])
        place = span.end
    rest = _MARKS.sub("", _WRAPPERS.sub("", "".join([*left, text[place:]]))).strip()
    found = [pair for span in spans for pair in span.calls]
    calls = (
        ToolCall(id=call_id(turn, index), name=name, arguments=arguments)
        for index, (name, arguments) in enumerate(found)
    )
    return TextReply(rest or None, tuple(calls))


def _marked(text: str, schemas: Schemas) -> Iterator[_Span]:
    """The forms with marks of their own; never one inside another."""
    readers: tuple[Callable[[str, Schemas], Iterator[_Span]], ...] = (
        _functions,
        _tagged,
        _mistral,
        _deepseek,
        _llama,
    )
    end = 0
    for span in sorted((span for reader in readers for span in reader(text, schemas)), key=lambda one: one.start):
        if span.start >= end:
            yield span
            end = span.end


def _functions(text: str, schemas: Schemas) -> Iterator[_Span]:
    place = 0
    while (begin := _FUNCTION.search(text, place)) is not None:
        following = _next_function(text, begin.end())
        closing = None
        for closing in _FUNCTION_END.finditer(text, begin.end(), following):
            if re.match(r"\s*(</tool_call>|<tool_call|<function=|\Z)", text[closing.end() : closing.end() + 40]):
                break
        body_end = closing.start() if closing is not None else following
        place = closing.end() if closing is not None else following
        name = begin["a"] or begin["b"] or begin["c"]
        body = text[begin.end() : body_end]
        yield _Span(begin.start(), place, [(name, _arguments_of(body, schemas.get(name)))])


def _next_function(text: str, start: int) -> int:
    """Where the next call begins that follows an end; what a parameter holds is not taken for one."""
    for following in _NEXT.finditer(text, start):
        if re.search(
            r"(</function>|</invoke>|</tool_call>)\s*$", text[max(start, following.start() - 40) : following.start()]
        ):
            return following.start()
    return len(text)


def _arguments_of(body: str, schema: ToolSchema | None) -> str:
    """The arguments in the parameters, or the JSON, of one function; the text itself when they cannot be read."""
    values: dict[str, JsonValue] = {}
    end = 0
    for found in _PARAMETER.finditer(body):
        name = found["a"] or found["b"]
        values[name] = _value(found["value"], name, schema)
        end = found.end()
    if values and not body[end:].strip():
        return json.dumps(values, ensure_ascii=False)
    if not values:
        if not body.strip():
            return "{}"
        for value in json_values(body.strip()):
            if isinstance(value, dict):
                return json.dumps(value, ensure_ascii=False)
    return body.strip()  # an unclosed parameter: half a file must not be written


def _value(raw: str, name: str, schema: ToolSchema | None) -> JsonValue:
    """One parameter: text as it stands where a string is wanted, else as JSON where it is JSON."""
    line_break = "\r\n" if raw.startswith("\r\n") else "\n"
    text = raw.removeprefix(line_break).removesuffix(line_break)
    if schema is None or not _wants_text(schema, name):
        for value in json_values(text.strip()):
            return value
    return text


def _wants_text(schema: ToolSchema, name: str) -> bool:
    properties = schema.parameters.get("properties")
    wanted = properties.get(name) if isinstance(properties, dict) else None
    if not isinstance(wanted, dict):
        return True
    choices = wanted.get("anyOf")
    kinds = (
        [wanted.get("type"), *(one.get("type") for one in choices if isinstance(one, dict))]
        if isinstance(choices, list)
        else [wanted.get("type")]
    )
    return "string" in kinds


def _tagged(text: str, schemas: Schemas) -> Iterator[_Span]:
    place = 0
    while (found := _TAGGED.search(text, place)) is not None:
        start, body, place = found.start(), found["body"].strip(), found.end()
        value, end = json_at(text, text.find(body, start)) if body[:1] in ("{", "[") else (None, -1)
        if end > place:  # the closing tag that was found stands within a string
            closing = re.compile(rf"\s*</{found['tag']}>").match(text, end)
            place = closing.end() if closing else end
            body = text[text.find(body, start) : end]
        if not body or _FUNCTION.match(body) or (found["tag"] == "tool" and body[0] != "{"):
            continue
        yield _Span(start, place, calls_in_json(body) or calls_of(value) or [_unreadable(body)])


def _unreadable(body: str) -> tuple[str, str]:
    named = _NAME.search(body)
    return (named["name"] if named else UNREADABLE), body


def _mistral(text: str, schemas: Schemas) -> Iterator[_Span]:
    for found in _MISTRAL.finditer(text):
        value, end = json_at(text, found.end())
        if value is None:
            continue
        if found["name"]:
            yield _Span(found.start(), end, [(found["name"], json.dumps(value, ensure_ascii=False))])
        elif calls := calls_of(value):
            yield _Span(found.start(), end, calls)


def _deepseek(text: str, schemas: Schemas) -> Iterator[_Span]:
    for found in _DEEPSEEK.finditer(text):
        yield _Span(found.start(), found.end(), [(found["name"].strip(), found["body"].strip() or "{}")])


def _llama(text: str, schemas: Schemas) -> Iterator[_Span]:
    for found in _LLAMA.finditer(text):
        value, end = json_at(text, found.end())
        if value is not None and (calls := calls_of(value)):
            yield _Span(found.start(), end, calls)


def _fenced(text: str, schemas: Schemas) -> Iterator[_Span]:
    for found in _FENCE.finditer(text):
        calls = calls_in_json(found["body"].strip())
        if calls and all(name in schemas for name, _ in calls):
            yield _Span(found.start(), found.end(), calls)


def _bare(text: str, schemas: Schemas) -> Iterator[_Span]:
    stripped = text.strip()
    if stripped[:1] in ("{", "["):
        calls = calls_in_json(stripped)
        if calls and all(name in schemas for name, _ in calls):
            yield _Span(0, len(text), calls)
