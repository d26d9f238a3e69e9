"""What went wrong when the model was asked: which error it is, and whether asking again can help.

The only place that knows the openai SDK's exceptions; the SDK's own tree is in its documentation.
"""

import json
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

from tools.errors import (
    ContextOverflow,
    ModelError,
    ModelRefused,
    ModelReplyBroken,
    ModelUnavailable,
    ReplayDiverged,
)
from tools.model_overflow import is_overflow, window_in

if TYPE_CHECKING:
    import openai

REPLAY_ERROR_PREFIX = "replay_"
"""Error types of the replay server (`local.replay`): what it refuses will be refused again."""
OVERDUE = "no whole reply within"
"""Stands in what is raised when a reply has begun and does not come to its end in time."""

_RETRIED = frozenset({408, 409, 429})
_REFUSALS = {
    400: ("does not accept the request", "Check that the model takes tools and a context of this length."),
    401: ("does not accept the key", "Set {key_source} to a valid key for this endpoint."),
    403: ("forbids this", "The key in {key_source} may lack the right to use this model."),
    404: (
        "does not know it",
        "Check the model's name, and that OPENAI_BASE_URL ends as it should (often /v1).",
    ),
}


class Asked(NamedTuple):
    """Who was asked what; for messages only."""

    base_url: str
    key_source: str
    model: str
    turn: str


class Fault(NamedTuple):
    """A failed attempt."""

    error: ModelError
    retries: int | None
    """How often asking again may help; None: as often as the settings allow."""
    wait: float | None = None
    """Seconds that the endpoint asked us to wait."""
    status: int = 0
    """The HTTP status; 0 where there was none."""
    words: str = ""
    """What the endpoint said."""


def fault_of(error: "openai.OpenAIError", asked: Asked) -> Fault:
    """Judge any error of the SDK."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _status_fault(error, asked)
    if isinstance(error, openai.APIConnectionError):
        return _connection_fault(error, asked)
    if isinstance(error, openai.APIError):  # an error object within a stream, or a body the SDK cannot take
        return Fault(broken(asked, error.message), retries=1)
    return Fault(ModelError(f"the model client failed for turn {asked.turn}: {error}"), retries=0)


def broken(asked: Asked, what: str) -> ModelReplyBroken:
    """The error for a reply that is not a whole chat completion."""
    return ModelReplyBroken(
        f"the reply of {asked.model} for turn {asked.turn} is unusable: {what}",
        f"Check that {asked.base_url} speaks the chat completions protocol, then retry.",
    )


def _connection_fault(error: "openai.APIConnectionError", asked: Asked) -> Fault:
    cause = error.__cause__
    reason = f"{cause}" if cause is not None and str(cause) else error.message
    # The reply had begun, so the endpoint is there: httpx's words for a body that ends too early, ours for one without end.
    if any(words in reason for words in ("complete message body", "incomplete chunked read", OVERDUE)):
        return Fault(broken(asked, f"it was cut short: {reason}"), retries=1)
    return Fault(
        ModelUnavailable(
            f"OPENAI_BASE_URL {asked.base_url} does not answer: {reason}",
            "Start the endpoint or set OPENAI_BASE_URL to one that runs, then retry.",
        ),
        retries=None,
    )


def _status_fault(error: "openai.APIStatusError", asked: Asked) -> Fault:
    status, words = error.status_code, _words(error)
    if (error.type or "").startswith(REPLAY_ERROR_PREFIX):
        message = f"the replay stops at turn {asked.turn}: {words}"
        return Fault(ReplayDiverged(message, "Record a new transcript, or undo the change.", status), retries=0)
    if is_overflow(status, words):
        return Fault(_overflow(words, status, asked), retries=0, status=status, words=words)
    if status in _RETRIED or status >= 500:
        may_help = error.response.headers.get("x-should-retry") != "false"
        unavailable = ModelUnavailable(
            f"{asked.base_url} answers {status} for model {asked.model}: {words}",
            "Try later, or use another endpoint or model.",
        )
        retries = None if may_help else 0
        return Fault(unavailable, retries=retries, wait=_retry_after(error), status=status, words=words)
    what, hint = _REFUSALS.get(status, ("refuses the request", "See the endpoint's words."))
    if "try pulling it first" in words:
        hint = f"Run `ollama pull {asked.model}` where the endpoint runs."
    message = f"{asked.base_url} {what} ({status}, model {asked.model}, turn {asked.turn}): {words}"
    refused = ModelRefused(message, hint.format(key_source=asked.key_source), status)
    return Fault(refused, retries=0, status=status, words=words)


def _overflow(words: str, status: int, asked: Asked) -> ContextOverflow:
    message = f"the prompt of turn {asked.turn} is longer than the context of {asked.model} ({status}): {words}"
    hint = "Use a model with a larger context, or give this one more where it is served."
    return ContextOverflow(message, hint, status, window_in(words))


def _words(error: "openai.APIStatusError") -> str:
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("error"), str):  # Ollama, and vLLM's older form
        return str(body["error"])[:4000]
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        code = body.get("code")
        return f"{body['message']}{f' ({code})' if isinstance(code, str) else ''}"[:4000]
    text = body if isinstance(body, str) else json.dumps(body, default=str)
    return " ".join(text.split())[:500] or "no explanation"


def _retry_after(error: "openai.APIStatusError") -> float | None:
    """Seconds from Retry-After-Ms or Retry-After (seconds or a date, RFC 9110 section 10.2.3)."""
    headers = error.response.headers
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return max(0.0, float(headers["retry-after"])) if "retry-after" in headers else None
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except ValueError:
        return None
