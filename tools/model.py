"""The model: an OpenAI-compatible chat completions endpoint, asked through the openai SDK.

The one adapter for models. Errors: ModelUnavailable, ModelRefused (ReplayDiverged), ModelReplyBroken.
"""

import json
import logging
import random
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit

from pydantic import Field, JsonValue, SecretStr

from tools.chat import Message, ModelReply, ModelRequest, ToolCall, ToolSchema, Usage
from tools.completions import reply_from_completion, request_body, with_schema_in_text
from tools.errors import ModelRefused, ModelReplyBroken, ReplayDiverged
from tools.model_faults import Asked, Fault, broken, fault_of
from tools.pricing import Price, PriceTable
from tools.record import Record
from tools.streaming import StreamCut, assemble

if TYPE_CHECKING:
    import openai

__all__ = [
    "Message",
    "ModelClient",
    "ModelReply",
    "ModelRequest",
    "ModelSettings",
    "Price",
    "ToolCall",
    "ToolSchema",
    "Usage",
]

logger = logging.getLogger(__name__)

TURN_HEADER = "X-Roadcrew-Turn"
_LONGEST_BACKOFF = 30.0
_SCHEMA_REFUSED = frozenset({400, 422})
_jitter = random.SystemRandom()


class ModelSettings(Record):
    """Where the model is and which model each role uses."""

    base_url: str
    """Base of the chat completions API, usually ending in /v1."""
    api_key: SecretStr = SecretStr("")
    key_source: str = "OPENAI_API_KEY"
    """Where the key came from, for messages."""
    default_model: str
    models: dict[str, str] = {}
    """Model by role, where it is not the default."""
    timeout: float = Field(default=600.0, gt=0)
    """Seconds for one attempt."""
    max_retries: int = Field(default=4, ge=0)
    """Further attempts after a failure that may pass."""
    backoff: float = Field(default=1.0, ge=0)
    """Seconds before the first further attempt; doubled each time."""
    longest_wait: float = Field(default=120.0, ge=0)
    """Seconds; an endpoint that asks us to wait longer is taken as unavailable."""
    prices: dict[str, Price] = {}
    """Prices that win over the list prices."""
    stream: bool = False
    """Ask for a stream, for endpoints behind gateways that cut quiet connections."""
    extra: dict[str, JsonValue] = {}
    """Further fields of each request's body, such as reasoning_effort."""

    def model_for(self, role: str) -> str:
        """The model that a role uses."""
        return self.models.get(role, self.default_model)


class ModelClient:
    """Asks the model; may be used by several threads at once. Close it, or use it as a context manager."""

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings
        self._prices = PriceTable(settings.prices)
        self._lock = threading.Lock()
        self._sdk: openai.OpenAI | None = None
        self._schemaless: set[str] = set()

    def complete(self, request: ModelRequest) -> ModelReply:
        """The model's reply, with its usage counted and priced.

        Asks again, with growing pauses or as long as the endpoint says, after connection errors, 408, 409,
        429 and 5xx, and once after an unusable reply. Then ModelUnavailable or ModelReplyBroken; ModelRefused
        at once for other 4xx; ReplayDiverged at once when a replay server stops the run.
        A truncated reply and calls of unknown tools are returned as they are. A model that refuses
        response_format is given the schema in the text; that is settled in here, so that for the caller it
        stays one call with one turn.
        """
        if request.response_schema is None:
            return self._complete(request)
        if request.model in self._schemaless:
            return self._complete(with_schema_in_text(request))
        try:
            return self._complete(request)
        except ReplayDiverged:
            raise
        except ModelRefused as refused:
            if refused.status not in _SCHEMA_REFUSED:
                raise
            logger.warning("turn %s: asking again without response_format: %s", request.turn, refused.message)
        reply = self._complete(with_schema_in_text(request))
        self._schemaless.add(request.model)
        return reply

    def _complete(self, request: ModelRequest) -> ModelReply:
        attempt = 0
        while True:
            started = time.monotonic()
            outcome = self._attempt(request)
            if isinstance(outcome, ModelReply):
                _log_reply(request, outcome, time.monotonic() - started)
                return outcome
            wait = self._wait_before_next(outcome, attempt)
            if wait is None:
                raise outcome.error
            attempt += 1
            logger.warning("turn %s: %s; attempt %d in %.1f s", request.turn, outcome.error.message, attempt + 1, wait)
            time.sleep(wait)

    def close(self) -> None:
        """Close the connections; the client opens new ones if it is used again."""
        with self._lock:
            if self._sdk is not None:
                self._sdk.close()
                self._sdk = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _attempt(self, request: ModelRequest) -> ModelReply | Fault:
        import openai

        asked = Asked(self.settings.base_url, self.settings.key_source, request.model, request.turn)
        try:
            completion = self._stream(request) if self.settings.stream else self._whole(request)
            return reply_from_completion(completion, request, self._prices)
        except openai.OpenAIError as error:
            return fault_of(error, asked)
        except StreamCut as cut:
            return Fault(broken(asked, f"the stream was cut short {cut}"), retries=1)
        except json.JSONDecodeError as error:
            return Fault(broken(asked, f"it is not JSON: {error.doc[:200]!r}"), retries=1)
        except ModelReplyBroken as error:
            return Fault(error, retries=1)

    def _wait_before_next(self, fault: Fault, attempt: int) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        allowed = self.settings.max_retries
        if fault.retries is not None:
            allowed = min(allowed, fault.retries)
        if attempt >= allowed or (fault.wait is not None and fault.wait > self.settings.longest_wait):
            return None
        if fault.wait is not None:
            return fault.wait
        pause = min(self.settings.backoff * 2.0**attempt, _LONGEST_BACKOFF)
        return pause * _jitter.uniform(0.75, 1.0)  # workers that failed together must not return together

    def _whole(self, request: ModelRequest) -> JsonValue:
        import httpx2

        response = self._client().post(
            "/chat/completions",
            cast_to=httpx2.Response,
            body={**request_body(request), **self.settings.extra},
            options={"headers": {TURN_HEADER: request.turn}},
        )
        return cast(JsonValue, json.loads(response.content.decode("utf-8", errors="replace")))

    def _stream(self, request: ModelRequest) -> JsonValue:
        import openai

        body = {"stream": True, "stream_options": {"include_usage": True}, **self.settings.extra}
        chunks: Any = self._client().post(
            "/chat/completions",
            cast_to=object,
            body={**request_body(request), **body},
            options={"headers": {TURN_HEADER: request.turn}},
            stream=True,
            stream_cls=openai.Stream[object],
        )
        return assemble(chunk for chunk in chunks if isinstance(chunk, dict))

    def _client(self) -> "openai.OpenAI":
        import openai

        with self._lock:
            if self._sdk is None:
                self._sdk = openai.OpenAI(
                    base_url=self.settings.base_url,
                    # an empty key would make an illegal header; endpoints without keys ignore the word
                    api_key=self.settings.api_key.get_secret_value() or "none",
                    timeout=self.settings.timeout,
                    max_retries=0,
                    http_client=_http_client(self.settings),
                )
            return self._sdk


def _http_client(settings: ModelSettings) -> Any:
    import openai

    # A proxy of the environment cannot reach a server on this machine's loopback.
    loopback = urlsplit(settings.base_url).hostname in {"localhost", "127.0.0.1", "::1"}
    return openai.DefaultHttpxClient(timeout=settings.timeout, trust_env=not loopback)


def _log_reply(request: ModelRequest, reply: ModelReply, seconds: float) -> None:
    logger.info(
        "model %s answered turn %s in %.1f s: %d + %d tokens%s, %s",
        reply.model,
        request.turn,
        seconds,
        reply.usage.prompt_tokens,
        reply.usage.completion_tokens,
        " (estimated)" if reply.usage.estimated else "",
        reply.finish_reason,
    )
