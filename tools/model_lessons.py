"""What a refusal says about the endpoint: the words that servers are known to use, and the trait that each teaches.

The words come from the servers' own issue trackers; tests/tools/endpoints/refusals.py quotes them with their source.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from tools.chat import ModelRequest
from tools.model_traits import EndpointTraits, Lesson

TEACHING = frozenset({400, 404, 405, 422, 500, 501})
"""Statuses whose message may be about what the endpoint can do; llama.cpp answers some with 500."""


class Refusal(NamedTuple):
    """An endpoint's no."""

    status: int
    words: str


class Rule(NamedTuple):
    """One kind of refusal."""

    words: re.Pattern[str]
    applies: Callable[[EndpointTraits, ModelRequest], bool]
    update: dict[str, Any]
    why: str


def lesson_of(refusal: Refusal, traits: EndpointTraits, request: ModelRequest) -> Lesson | None:
    """What to change so that the endpoint takes the request; None when the refusal is about something else."""
    if refusal.status not in TEACHING:
        return None
    for rule in RULES:
        if rule.applies(traits, request) and rule.words.search(refusal.words):
            return Lesson(rule.update, f"{rule.why} ({refusal.status}: {refusal.words[:200]})")
    return _guess(refusal, traits, request)


def _guess(refusal: Refusal, traits: EndpointTraits, request: ModelRequest) -> Lesson | None:
    """What may help where the words tell nothing."""
    if refusal.status in {400, 422} and _strict(traits, request):
        why = f"it refuses the request with response_format ({refusal.status}: {refusal.words[:200]})"
        return Lesson({"response_format": "none"}, why, sure=False)
    if refusal.status in {404, 405} and traits.api == "chat" and _NO_ROUTE.search(refusal.words):
        return Lesson({"api": "responses"}, "it has no chat completions", sure=False)
    return None


def _strict(traits: EndpointTraits, request: ModelRequest) -> bool:
    return request.response_schema is not None and traits.response_format != "none"


def _schema(traits: EndpointTraits, request: ModelRequest) -> bool:
    return request.response_schema is not None and traits.response_format == "json_schema"


def _native(traits: EndpointTraits, request: ModelRequest) -> bool:
    return bool(request.tools) and traits.tools == "native"


def _unless(**fields: object) -> Callable[[EndpointTraits, ModelRequest], bool]:
    """Applies while the traits are not already as the lesson would make them."""
    return lambda traits, _request: any(getattr(traits, name) != value for name, value in fields.items())


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE | re.DOTALL)


_NO_ROUTE = re.compile(
    r"^(?!.*\b(model|deployment)\b).*(not found|cannot post|no route|unknown (url|endpoint|path)|invalid url)", re.I
)
_REFUSED = r"(not (be )?(currently )?(supported|permitted|allowed|available|enabled)|unsupported|does(n't| not) (support|accept)|unrecognized|unknown|unexpected|extra_forbidden|extra inputs|invalid)"

RULES = (
    Rule(
        _words(r"only supported in v1/responses", r"use (the )?(/?v1/)?responses", r"responses api"),
        _unless(api="responses"),
        {"api": "responses"},
        "it answers responses only",
    ),
    Rule(
        _words(
            r"(not|n't) support (the use of )?(tools?|function)",
            r"support(s|ed)? tool use",
            r"--enable-auto-tool-choice",
            r"tools? param(eter)? requires",
            r"(tool|function)[ _-]?(calls?|calling|use|choice)\b.{0,40}(not (supported|available|enabled|allowed|implemented)|unsupported|disabled)",
            rf"{_REFUSED}[^.]{{0,60}}\b(tools|functions|tool_choice)\b",
            rf"\b(tools|functions|tool_choice)\b[^.]{{0,40}}{_REFUSED}",
        ),
        _native,
        {"tools": "text"},
        "it takes no tools",
    ),
    Rule(
        _words(
            r"json_schema[^.]{0,80}" + _REFUSED,
            _REFUSED + r"[^.]{0,80}json_schema",
            r"response_format type",
            r"\bstrict\b",
        ),
        _schema,
        {"response_format": "json_object"},
        "it takes no schema for the reply",
    ),
    Rule(
        _words(r"response_?format", r"json_object", r"json mode", r"guided"),
        _strict,
        {"response_format": "none"},
        "it takes no response_format",
    ),
    Rule(
        _words(
            r"system role",
            r"role\W{0,4}(of )?\W{0,2}system\W.{0,40}" + _REFUSED,
            r"messages\[0\]\.role.{0,40}" + _REFUSED + r".{0,20}system",
            r"only user and assistant roles",
            r"(developer|system) instruction is not enabled",
        ),
        _unless(system="user"),
        {"system": "user", "alternating": True},
        "it takes no system role",
    ),
    Rule(
        _words(r"roles must alternate", r"unexpected role \W?user\W? after role \W?tool"),
        _unless(alternating=True),
        {"alternating": True},
        "its roles must take turns",
    ),
    Rule(
        _words(r"\bmax_completion_tokens\b(?!' instead)(?!.*use 'max_completion_tokens')"),
        _unless(output_limit="max_tokens"),
        {"output_limit": "max_tokens"},
        "it does not know max_completion_tokens",
    ),
    Rule(
        _words(r"\bmax_tokens\b.{0,80}" + _REFUSED),
        _unless(output_limit="max_completion_tokens"),
        {"output_limit": "max_completion_tokens"},
        "it wants max_completion_tokens",
    ),
    Rule(
        _words(r"\btemperature\b"),
        _unless(temperature=False),
        {"temperature": False},
        "it wants no temperature",
    ),
    Rule(
        _words(
            r"single tool.?calls? at once", r"parallel[_ ]tool[_ ]calls?", r"only (support|allow)s? (one|a single) tool"
        ),
        _unless(parallel_calls=False),
        {"parallel_calls": False},
        "it takes one tool call a message",
    ),
    Rule(
        _words(
            r"reasoning_content\W{0,3} (field )?(in|must|is required)[^.]*(passed back|message|required)",
            r"missing \W?reasoning_content",
        ),
        _unless(reasoning="reasoning_content"),
        {"reasoning": "reasoning_content"},
        "it wants its reasoning back",
    ),
    Rule(
        _words(
            r"reasoning(_content)?\b.{0,80}" + _REFUSED,
            _REFUSED + r".{0,80}\breasoning(_content)?\b",
            r"input.{0,40}contains? reasoning_content",
        ),
        _unless(reasoning="dropped"),
        {"reasoning": "dropped"},
        "it does not want its reasoning back",
    ),
    Rule(
        _words(r"stream_options", r"include_usage"),
        _unless(stream_usage=False),
        {"stream_usage": False},
        "it gives no usage in streams",
    ),
    Rule(
        _words(r"content.{0,40}(null|nil\b|none\b|required|missing|empty)", r"(null|nil|none).{0,40}content"),
        _unless(empty_content="empty"),
        {"empty_content": "empty"},
        "it wants a text in each message",
    ),
    Rule(
        _words(r"cache_control", r"content.{0,60}(must be|expected|of type|valid) a? ?string", r"unmarshal array"),
        _unless(cache_marks=False),
        {"cache_marks": False},
        "it takes no marks for its cache",
    ),
)
"""In the order in which they are asked: the particular before the general."""
