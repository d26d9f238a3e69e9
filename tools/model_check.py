"""Small questions to an endpoint, to find out what it can do: what `roadcrew model check` asks.

Each question is a finding of its own. Nothing here raises for what an endpoint cannot do; ModelError comes out of
the first question alone, when there is no answer at all.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from tools.chat import Message, ModelReply, ModelRequest, ToolCall, ToolSchema, Usage
from tools.errors import ModelError
from tools.model import ModelClient
from tools.model_overflow import looks_truncated
from tools.model_report import Finding, State
from tools.model_traits import EndpointTraits
from tools.structured import ignores_schema

NEEDED = frozenset({"system prompt", "tool call", "tool results", "JSON object", "long prompt"})
"""Questions without whose answer the team cannot work."""
LONG = 8_000
"""About as many tokens has the long prompt."""

_ADD = ToolSchema(
    name="add",
    description="Adds two numbers and returns their sum.",
    parameters={
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
)
_COLOUR: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["red", "green", "blue"]}, "reason": {"type": "string"}},
    "required": ["colour", "reason"],
    "additionalProperties": False,
}
_LONG_WORD = "heliotrope"
_FILLER = "This line is part of a long text and says nothing that matters here.\n"


@dataclass
class _Asking:
    """One check under way."""

    client: ModelClient
    model: str
    spent: list[Usage] = field(default_factory=list)

    def ask(self, messages: Sequence[Message], **more: object) -> ModelReply:
        """Ask and count."""
        values = {"turn": "-/-/check/1/1", "model": self.model, "messages": tuple(messages), **more}
        reply = self.client.complete(ModelRequest.model_validate(values))
        self.spent.append(reply.usage)
        return reply

    @property
    def traits(self) -> EndpointTraits:
        return self.client.traits(self.model)


def check_model(client: ModelClient, model: str, streaming: ModelClient) -> Iterator[Finding]:
    """Ask one question after the other; ``streaming`` is a client of the same endpoint that asks for streams."""
    asking = _Asking(client, model)
    began = time.monotonic()
    reply = asking.ask([_user("Reply with the word ready.")])
    yield _timed(asking, began, Finding(name="plain reply", state="works", detail=_shown(reply)))
    questions: tuple[tuple[str, Callable[[_Asking], Finding]], ...] = (
        ("streaming", lambda one: _streams(one, streaming)),
        ("system prompt", _system),
        ("tool call", _tool_call),
        ("two calls in one reply", _two_calls),
        ("tool results", _round_trip),
        ("strict schema", _schema),
        ("JSON object", _json_object),
        ("long prompt", _long_prompt),
        ("usage", _usage),
        ("prompt cache", _cache),
        ("context window", _window),
    )
    for name, question in questions:
        asking.spent.clear()
        began = time.monotonic()
        try:
            finding = question(asking)
        except ModelError as fault:
            state: State = "missing" if name in NEEDED else "unknown"
            finding = Finding(name=name, state=state, detail=fault.message[:300], instead=fault.hint)
        yield _timed(asking, began, finding.model_copy(update={"name": name}))


def _streams(asking: _Asking, streaming: ModelClient) -> Finding:
    try:
        reply = streaming.complete(
            ModelRequest(turn="-/-/check/1/2", model=asking.model, messages=(_user("Reply with the word ready."),))
        )
    except ModelError as fault:
        return Finding(
            name="", state="otherwise", detail=fault.message[:200], instead="whole replies (model.stream off)"
        )
    asking.spent.append(reply.usage)
    used = "" if asking.client.settings.stream else "not used unless model.stream is set"
    return Finding(name="", state="works", detail=_shown(reply), instead=used)


def _system(asking: _Asking) -> Finding:
    reply = asking.ask(
        [Message(role="system", content="You always answer with the word BANANA."), _user("Who are you?")]
    )
    heeded = "banana" in (reply.content or "").lower()
    traits = asking.traits
    if traits.system == "user":
        return Finding(name="", state="otherwise", detail="no system role", instead="in front of the user's message")
    if heeded:
        return Finding(name="", state="works", detail="heeded")
    return Finding(name="", state="unknown", detail=f"taken, not heeded: {_shown(reply)}")


def _tool_call(asking: _Asking) -> Finding:
    reply = asking.ask([_user("What is 19 + 23? Call the tool add; do not work it out yourself.")], tools=(_ADD,))
    ways = "in the text" if asking.traits.tools == "text" else "in the protocol's field"
    if not reply.tool_calls:
        hint = 'set model.traits tools = "text" if its server passes over tools, or use another model'
        return Finding(name="", state="missing", detail=f"no call came: {_shown(reply)}", instead=hint)
    problem = _wrong(reply.tool_calls[0])
    if problem:
        return Finding(name="", state="missing", detail=problem, instead="use another model")
    if asking.traits.tools == "text":
        return Finding(name="", state="otherwise", detail="no tools in the protocol", instead="calls in the text")
    return Finding(name="", state="works", detail=ways)


def _two_calls(asking: _Asking) -> Finding:
    question = "Work out 1 + 2 and 30 + 40 with the tool add: send both calls in one reply."
    reply = asking.ask([_user(question)], tools=(_ADD,))
    if len(reply.tool_calls) >= 2:
        return Finding(name="", state="works", detail=f"{len(reply.tool_calls)} calls")
    return Finding(
        name="", state="otherwise", detail=f"{len(reply.tool_calls)} call", instead="one call a reply: more steps"
    )


def _round_trip(asking: _Asking) -> Finding:
    calls = (
        ToolCall(id="call00001", name="add", arguments='{"a": 1, "b": 2}'),
        ToolCall(id="call00002", name="add", arguments='{"a": 30, "b": 40}'),
    )
    messages = [
        _user("Work out 1 + 2 and 30 + 40 with the tool add, then tell me the larger result."),
        Message(role="assistant", content=None, tool_calls=calls),
        Message(role="tool", content="3", tool_call_id="call00001"),
        Message(role="tool", content="70", tool_call_id="call00002"),
    ]
    reply = asking.ask(messages, tools=(_ADD,))
    if "70" in (reply.content or ""):
        one_by_one = "" if asking.traits.parallel_calls else "calls are shown one by one"
        return Finding(name="", state="otherwise" if one_by_one else "works", detail="read", instead=one_by_one)
    return Finding(name="", state="unknown", detail=f"taken; the answer was {_shown(reply)}")


def _schema(asking: _Asking) -> Finding:
    reply = asking.ask([_user("Choose a colour and say why.")], response_schema=_COLOUR, schema_name="Colour")
    used = {
        "json_schema": "",
        "json_object": "json_object, the schema in the prompt",
        "none": "the schema in the prompt",
    }
    instead = used[asking.traits.response_format]
    if ignores_schema(reply.content or "", _COLOUR):
        hint = instead or "the schema in the prompt from here on"
        return Finding(name="", state="otherwise", detail=f"no valid JSON: {_shown(reply)}", instead=hint)
    if instead:
        return Finding(name="", state="otherwise", detail="no strict schemas", instead=instead)
    return Finding(name="", state="works", detail=_shown(reply))


def _json_object(asking: _Asking) -> Finding:
    if asking.traits.response_format == "json_schema":
        return Finding(name="", state="works", detail="not needed: strict schemas work")
    reply = asking.ask([_user("Choose a colour and say why.")], response_schema=_COLOUR, schema_name="Colour")
    if ignores_schema(reply.content or "", _COLOUR):
        detail = f"no valid JSON even with the schema in the prompt: {_shown(reply)}"
        return Finding(name="", state="missing", detail=detail, instead="use another model for planner and reviewer")
    state: State = "works" if asking.traits.response_format == "json_object" else "otherwise"
    return Finding(
        name="", state=state, detail=_shown(reply), instead="" if state == "works" else "the schema in the prompt"
    )


def _long_prompt(asking: _Asking) -> Finding:
    """Whether the beginning of about 8,000 tokens is still read: servers may cut it off without a word."""
    told = f"The word of the day is {_LONG_WORD}. {_FILLER * 460}"
    reply = asking.ask(
        [Message(role="system", content=told), _user("What is the word of the day? Answer with it alone.")]
    )
    if _LONG_WORD in (reply.content or "").lower():
        return Finding(name="", state="works", detail=f"{reply.usage.prompt_tokens} tokens read")
    counted = f"{reply.usage.prompt_tokens} tokens counted of about {LONG}; it says {_shown(reply)}"
    if not reply.usage.estimated and not looks_truncated(reply.usage.prompt_tokens, LONG):
        return Finding(name="", state="unknown", detail=f"read, not heeded: {counted}")
    hint = "give the model a larger context where it is served (Ollama: OLLAMA_CONTEXT_LENGTH), 32,000 tokens or more"
    return Finding(name="", state="missing", detail=counted, instead=hint)


def _usage(asking: _Asking) -> Finding:
    reply = asking.ask([_user("Reply with the word ready.")])
    if reply.usage.estimated:
        return Finding(name="", state="otherwise", detail="not told", instead="estimated from the length of the text")
    if reply.usage.cost_usd is None:
        hint = "set model.prices to have costs counted"
        return Finding(name="", state="otherwise", detail="tokens told, no price known", instead=hint)
    return Finding(name="", state="works", detail="tokens and price known")


def _cache(asking: _Asking) -> Finding:
    told = Message(role="system", content=_FILLER * 200)
    cached = [asking.ask([told, _user("Reply with the word ready.")]).usage.cached_tokens for _ in range(2)]
    marks = "marked with cache_control" if asking.traits.cache_marks else "not marked"
    if cached[-1]:
        return Finding(name="", state="works", detail=f"{cached[-1]} tokens from the cache, {marks}")
    return Finding(name="", state="unknown", detail=f"no cached tokens told, {marks}")


def _window(asking: _Asking) -> Finding:
    known = asking.traits.context_tokens
    told = _listed_window(asking)
    if known is not None:
        return Finding(name="", state="works", detail=f"{known} tokens, as set or learned")
    if told is not None:
        hint = f"set model.traits context_tokens = {told} to condense before it is full"
        return Finding(name="", state="works", detail=f"{told} tokens, as the endpoint tells", instead=hint)
    return Finding(
        name="", state="unknown", detail="not told", instead="learned when it is full; or set context_tokens"
    )


def _listed_window(asking: _Asking) -> int | None:
    try:
        return next((_told_window(one) for one in asking.client.models() if one["id"] == asking.model), None)
    except ModelError:
        return None  # many gateways list no models


def _told_window(entry: dict[str, JsonValue]) -> int | None:
    """The window as vLLM, OpenRouter, LM Studio, Mistral, Groq and llama.cpp name it."""
    meta = entry.get("meta")
    places = [entry, *([meta] if isinstance(meta, dict) else [])]
    names = (
        "max_model_len",
        "context_length",
        "loaded_context_length",
        "max_context_length",
        "context_window",
        "n_ctx",
    )
    found = (place.get(name) for place in places for name in names)
    return next((value for value in found if isinstance(value, int) and value > 0), None)


def _wrong(call: ToolCall) -> str:
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        return f"the arguments are not JSON: {call.arguments[:100]}"
    if call.name != "add" or not isinstance(arguments, dict) or {"a", "b"} - set(arguments):
        return f"a wrong call came: {call.name}({call.arguments[:100]})"
    return ""


def _timed(asking: _Asking, began: float, finding: Finding) -> Finding:
    costs = [usage.cost_usd for usage in asking.spent]
    known = [cost for cost in costs if cost is not None]
    return finding.model_copy(
        update={
            "seconds": round(time.monotonic() - began, 2),
            "tokens": sum(usage.prompt_tokens + usage.completion_tokens for usage in asking.spent),
            "cost_usd": sum(known) if known else None,
        }
    )


def _user(text: str) -> Message:
    return Message(role="user", content=text)


def _shown(reply: ModelReply) -> str:
    text = " ".join((reply.content or "").split())
    return (text if len(text) <= 60 else text[:57] + "…") or "(no text)"
