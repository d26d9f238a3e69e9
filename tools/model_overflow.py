"""Too much for a model's context: told from what endpoints say, and from counts that do not add up."""

import re

from tools.chat import Message, ModelRequest

CHARACTERS_PER_TOKEN = 4
"""The usual rule of thumb for English and code, used where nobody counts for us."""
MESSAGE_TOKENS = 4
"""What a message costs beyond its text."""
TRUNCATED_FROM = 3000
"""Estimated tokens from which a much lower count is taken for a truncated prompt."""

_STATUSES = frozenset({400, 413, 422, 500})
_OVERFLOW = re.compile(
    r"context_length_exceeded|context[ _-]?(window|length|size|limit)[^.]{0,40}exceed"
    r"|exceed[^.]{0,60}(context|maximum number of tokens|token limit|input token|max_model_len|limit of \d+ tokens)"
    r"|(maximum|available|model'?s?) context (length|size|window)|longer than the (model'?s?|maximum|context)"
    r"|(prompt|input|messages?|request)\W{1,3}(is|are|were)? ?too (long|large)|too (long|large) for (the )?model"
    r"|too many (input )?tokens|reduce the length of (the|your)|(input|prompt) tokens? (count )?exceeds?"
    r"|length of all messages is too long|larger than (the )?(max|context)",
    re.IGNORECASE,
)
_NUMBER = r"(\d[\d,]{2,})"
_WINDOWS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"> ?{_NUMBER}",
        rf"must be <= ?{_NUMBER}",
        rf"tokens allowed \({_NUMBER}",
        rf"(?:maximum context length|limit|max_model_len)(?: for this model)?(?: is| of|:)* {_NUMBER}",
        rf"context (?:length|size|window|limit)(?: is| of|:)* ?\(?{_NUMBER} tokens",
        rf"with {_NUMBER} maximum context length",
    )
)
"""Where the size of the window stands in what servers say, the surest first."""


def is_overflow(status: int, words: str) -> bool:
    """Whether a refusal says that the prompt is too long for the model."""
    rate = re.search(r"per minute|rate limit", words, re.IGNORECASE)
    return status in _STATUSES and rate is None and _OVERFLOW.search(words) is not None


def window_in(words: str) -> int | None:
    """The size of the context that a refusal names, in tokens."""
    for pattern in _WINDOWS:
        if found := pattern.search(words):
            return int(found[1].replace(",", ""))
    return None


def message_tokens(message: Message) -> int:
    """About how many tokens a message has; looks at lengths only."""
    length = len(message.content or "") + sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    return MESSAGE_TOKENS + length // CHARACTERS_PER_TOKEN


def request_tokens(request: ModelRequest) -> int:
    """About how many tokens a request's prompt has; lengths only, but for the schemas."""
    schemas = sum(len(tool.name) + len(tool.description) + len(str(tool.parameters)) for tool in request.tools)
    schemas += len(str(request.response_schema)) if request.response_schema is not None else 0
    return sum(map(message_tokens, request.messages)) + schemas // CHARACTERS_PER_TOKEN


def looks_truncated(counted: int, estimated: int) -> bool:
    """Whether an endpoint counted so few tokens that it cannot have read the whole prompt, as Ollama may do."""
    return estimated >= TRUNCATED_FROM and 0 < counted * 2 < estimated
