"""A structured reply: asked for with a JSON Schema, validated, and repaired at most a few times."""

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from tools.chat import Message, ModelReply, ModelRequest
from tools.errors import StructuredReplyInvalid
from tools.strict_schema import strict_schema

logger = logging.getLogger(__name__)

Reply = TypeVar("Reply", bound=BaseModel)

_FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_SHOWN = 30
"""Problems named in one request for repair; more would drown the first ones."""


def complete_structured(
    ask: Callable[[ModelRequest], ModelReply],
    request: ModelRequest,
    model_class: type[Reply],
    validate: Callable[[Reply], Sequence[str]] = lambda reply: (),
    repairs: int = 2,
) -> Reply:
    """The model's reply as a `model_class` in which `validate` finds no problems.

    Every request goes through `ask`, so that the caller can journal it. (For an endpoint that refuses
    response_format, ModelClient puts the schema into the text.) A reply with problems is answered with
    exactly these problems, at most `repairs` times; then StructuredReplyInvalid with the last ones.
    """
    asking = request.model_copy(
        update={"response_schema": strict_schema(model_class), "schema_name": model_class.__name__}
    )
    problems: Sequence[str] = ()
    for attempt in range(repairs + 1):
        reply = ask(asking)
        value, problems = _read(reply, model_class, validate)
        if value is not None:
            return value
        logger.warning(
            "turn %s: reply %d of %d is no valid %s: %s",
            request.turn,
            attempt + 1,
            repairs + 1,
            model_class.__name__,
            "; ".join(problems)[:500],
        )
        asking = _with_repair(asking, reply, problems)
    raise StructuredReplyInvalid(
        f"the model {request.model} gave no valid {model_class.__name__} in {repairs + 1} tries: "
        + "; ".join(problems[:_SHOWN]),
        problems,
        "Use a stronger model for this role, or make the task clearer.",
    )


def extract_json(text: str) -> JsonValue:
    """The JSON in a text: the whole text, a fenced block of it, or from its first brace or bracket.

    Raises ValueError with the place of the fault when there is none.
    """
    candidates = [text.strip(), *(block.strip() for block in _FENCE.findall(text))]
    starts = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    decoder = json.JSONDecoder()
    first_fault: ValueError | None = None
    for candidate in candidates:
        try:
            return _json(decoder, candidate, whole=True)
        except ValueError as fault:
            first_fault = first_fault or fault
    for start in sorted(starts):
        try:
            return _json(decoder, text[start:], whole=False)
        except ValueError as fault:
            first_fault = fault
    raise ValueError(f"the reply is not JSON: {first_fault}")


def ignores_schema(text: str, schema: Mapping[str, JsonValue]) -> bool:
    """Whether a reply is so far from its schema that the endpoint cannot have held the model to it."""
    try:
        value = extract_json(text)
    except ValueError:
        return True
    required = schema.get("required")
    return isinstance(value, dict) and isinstance(required, list) and bool(required) and not set(required) & set(value)


def _json(decoder: json.JSONDecoder, text: str, *, whole: bool) -> JsonValue:
    try:
        value, end = decoder.raw_decode(text)
    except RecursionError as fault:
        raise ValueError("it is nested too deeply") from fault
    if whole and text[end:].strip():
        raise ValueError(f"text follows the JSON at character {end}")
    if not isinstance(value, dict | list):
        raise ValueError("it is neither an object nor a list")
    return value


def _read(
    reply: ModelReply, model_class: type[Reply], validate: Callable[[Reply], Sequence[str]]
) -> tuple[Reply | None, Sequence[str]]:
    """The value, or None and what is wrong with the reply."""
    if reply.truncated:
        return None, ["the reply was cut off at the limit of output tokens: answer shorter"]
    try:
        value = model_class.model_validate_json(json.dumps(extract_json(reply.content or "")))
    except ValidationError as error:
        return None, [_problem(fault["loc"], fault["msg"], fault["input"]) for fault in error.errors()]
    except ValueError as error:
        return None, [str(error)]
    problems = list(validate(value))
    return (None, problems) if problems else (value, [])


def _problem(place: tuple[int | str, ...], message: str, value: object) -> str:
    where = ".".join(str(part) for part in place) or "the reply"
    shown = json.dumps(value, default=str, ensure_ascii=False)
    return f"{where}: {message} (got {shown if len(shown) <= 120 else shown[:117] + '...'})"


def _with_repair(request: ModelRequest, reply: ModelReply, problems: Sequence[str]) -> ModelRequest:
    listed = "\n".join(f"- {problem}" for problem in problems[:_SHOWN])
    more = f"\n- and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    text = f"The reply has problems:\n{listed}{more}\n\nMend them and give the whole reply again, as JSON alone."
    # Calls of tools are left out: the protocol wants an answer to each, and none is offered here.
    answered = Message(role="assistant", content=reply.content or "")
    return request.model_copy(update={"messages": (*request.messages, answered, Message(role="user", content=text))})
