"""The model: an OpenAI-compatible endpoint, asked through the openai SDK in the words that it takes.

The one adapter for models. Errors: ModelUnavailable, ModelRefused (ContextOverflow, ReplayDiverged), ModelReplyBroken.
"""

import json
import logging
import random
import threading
import time
from types import TracebackType
from typing import Self

from pydantic import JsonValue

from tools.chat import Message, ModelReply, ModelRequest, ToolCall, ToolSchema, Usage
from tools.completions import reply_from_completion
from tools.errors import ContextOverflow, ModelRefused, ModelReplyBroken, ReplayDiverged
from tools.model_faults import Asked, Fault, broken, fault_of
from tools.model_lessons import Refusal, lesson_of
from tools.model_overflow import looks_truncated, request_tokens
from tools.model_responses import as_completion, responses_body
from tools.model_settings import ModelSettings
from tools.model_traits import EndpointTraits, Lesson, TraitBook
from tools.model_transport import Transport
from tools.model_wire import chat_body
from tools.pricing import Price, PriceTable
from tools.streaming import StreamCut
from tools.structured import ignores_schema

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

_LONGEST_BACKOFF = 30.0
_LESSONS = 8
"""Times that one request is said differently; an endpoint that then still refuses is not understood."""
_jitter = random.SystemRandom()


class ModelClient:
    """Asks the model; may be used by several threads at once. Close it, or use it as a context manager."""

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings
        self._prices = PriceTable(settings.prices)
        self._traits = TraitBook(settings.traits, settings.traits_of)
        self._transport = Transport(settings)
        self._warned: set[str] = set()
        self._lock = threading.Lock()

    def traits(self, model: str) -> EndpointTraits:
        """What is known now of the endpoint's way with a model."""
        return self._traits.of(model)

    def models(self) -> list[dict[str, JsonValue]]:
        """What the endpoint tells of its models, each with an id. Raises ModelError."""
        import openai

        asked = Asked(self.settings.base_url, self.settings.key_source, "(the list of models)", "-")
        try:
            return self._transport.models()
        except openai.OpenAIError as error:
            raise fault_of(error, asked).error from error
        except json.JSONDecodeError as error:
            raise broken(asked, f"it is not JSON: {error.doc[:200]!r}") from error

    def complete(self, request: ModelRequest) -> ModelReply:
        """The model's reply, with its usage counted and priced.

        Asks again, with growing pauses or as long as the endpoint says, after connection errors, 408, 409,
        429 and 5xx, and once after an unusable reply. Then ModelUnavailable or ModelReplyBroken; ModelRefused
        at once for other 4xx; ContextOverflow when the prompt is too long; ReplayDiverged at once when a replay
        server stops the run. A truncated reply and calls of unknown tools are returned as they are.

        A refusal that tells what the endpoint cannot do is answered with the same request in other words, and
        what was learned is kept: for the caller it stays one call with one turn.
        """
        traits = self._traits.of(request.model)
        learned: list[Lesson] = []
        doubted: ModelRefused | None = None
        while True:
            outcome = self._persist(request, traits)
            if isinstance(outcome, ModelReply):
                for lesson in learned:
                    self._traits.learn(request.model, lesson)
                self._look_at(request, outcome)
                return outcome
            taught = self._lesson(outcome, traits, request) if len(learned) < _LESSONS else None
            if taught is None:
                raise doubted if doubted is not None and type(outcome.error) is ModelRefused else outcome.error
            if taught.sure:
                self._traits.learn(request.model, taught)
            elif doubted is None and isinstance(outcome.error, ModelRefused):
                doubted = outcome.error  # if the guess does not help, this is what was wrong
            learned.append(taught)
            traits = EndpointTraits.model_validate({**traits.model_dump(), **taught.update})

    def close(self) -> None:
        """Close the connections; the client opens new ones if it is used again."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _lesson(self, fault: Fault, traits: EndpointTraits, request: ModelRequest) -> Lesson | None:
        if isinstance(fault.error, ReplayDiverged | ContextOverflow | ModelReplyBroken):
            if isinstance(fault.error, ContextOverflow) and fault.error.window is not None:
                window = Lesson({"context_tokens": max(fault.error.window, 512)}, "it says so")
                self._traits.learn(request.model, window)
            return None
        return lesson_of(Refusal(fault.status, fault.words), traits, request)

    def _persist(self, request: ModelRequest, traits: EndpointTraits) -> ModelReply | Fault:
        """The reply, or what still stands in its way after all attempts."""
        attempt = 0
        while True:
            started = time.monotonic()
            outcome = self._attempt(request, traits)
            if isinstance(outcome, ModelReply):
                _log_reply(request, outcome, time.monotonic() - started)
                return outcome
            wait = None if self._teaches(outcome, traits, request) else self._wait_before_next(outcome, attempt)
            if wait is None:
                return outcome
            attempt += 1
            logger.warning("turn %s: %s; attempt %d in %.1f s", request.turn, outcome.error.message, attempt + 1, wait)
            time.sleep(wait)

    def _teaches(self, fault: Fault, traits: EndpointTraits, request: ModelRequest) -> bool:
        """Whether a failure that looks passing says what the endpoint cannot do, as llama.cpp's 500 does."""
        return fault.status == 500 and lesson_of(Refusal(500, fault.words), traits, request) is not None

    def _attempt(self, request: ModelRequest, traits: EndpointTraits) -> ModelReply | Fault:
        import openai

        asked = Asked(self.settings.base_url, self.settings.key_source, request.model, request.turn)
        try:
            completion = self._ask(request, traits)
            return reply_from_completion(completion, request, self._prices, in_text=traits.tools == "text")
        except openai.OpenAIError as error:
            return fault_of(error, asked)
        except StreamCut as cut:
            return Fault(broken(asked, f"the stream was cut short {cut}"), retries=1)
        except json.JSONDecodeError as error:
            return Fault(broken(asked, f"it is not JSON: {error.doc[:200]!r}"), retries=1)
        except UnicodeDecodeError as error:
            return Fault(broken(asked, f"it is not UTF-8: {error}"), retries=1)
        except ModelReplyBroken as error:
            return Fault(error, retries=1)

    def _ask(self, request: ModelRequest, traits: EndpointTraits) -> JsonValue:
        if traits.api == "responses":
            body = responses_body(request, traits, self.settings)
            return as_completion(self._transport.post("/responses", body, request.turn))
        body = chat_body(request, traits, self.settings)
        send = self._transport.stream if self.settings.stream else self._transport.post
        return send("/chat/completions", body, request.turn)

    def _wait_before_next(self, fault: Fault, attempt: int) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        allowed = self.settings.max_retries
        if fault.retries is not None:
            allowed = min(allowed, fault.retries)
        if attempt >= allowed or (fault.wait is not None and fault.wait > self.settings.longest_wait):
            return None
        if fault.wait:  # who asks for no pause at all gets ours: all attempts at once would be none
            return fault.wait
        pause = min(self.settings.backoff * 2.0**attempt, _LONGEST_BACKOFF)
        return pause * _jitter.uniform(0.75, 1.0)  # workers that failed together must not return together

    def _look_at(self, request: ModelRequest, reply: ModelReply) -> None:
        """Learn from what a reply lacks: a schema that was passed over, a prompt that was not read whole."""
        schema = request.response_schema
        held = schema is not None and self._traits.of(request.model).response_format == "json_schema"
        if held and schema is not None and not reply.truncated and ignores_schema(reply.content or "", schema):
            why = "it passes over the schema"
            self._traits.learn(request.model, Lesson({"response_format": "none"}, why))
        usage = reply.usage
        if usage.estimated or usage.prompt_tokens > 100_000:
            return
        estimated = request_tokens(request)
        if looks_truncated(usage.prompt_tokens + usage.cached_tokens, estimated) and self._first(request.model):
            logger.warning(
                "model %s counted %d prompt tokens where about %d were sent: its endpoint seems to cut the prompt short;"
                " give it a larger context (Ollama: OLLAMA_CONTEXT_LENGTH), or set context_tokens to what it has",
                request.model,
                usage.prompt_tokens,
                estimated,
            )

    def _first(self, model: str) -> bool:
        with self._lock:
            first = model not in self._warned
            self._warned.add(model)
        return first


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
