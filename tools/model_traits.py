"""What an endpoint can do with one model: set by people, else learned from its refusals and kept for the process."""

import logging
import threading
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field

from tools.record import Record

logger = logging.getLogger(__name__)


class EndpointTraits(Record):
    """How requests to one model are said, so that its endpoint takes them."""

    api: Literal["chat", "responses"] = "chat"
    """Chat completions, or OpenAI's responses where that is all there is."""
    tools: Literal["native", "text"] = "native"
    """Tools in the protocol's own field, or described in the prompt and called in the text."""
    response_format: Literal["json_schema", "json_object", "none"] = "json_schema"
    """A strict schema; any JSON, with the schema in the prompt; or the schema in the prompt alone."""
    system: Literal["system", "developer", "user"] = "system"
    """Under which role the system prompt goes; `user`: in front of the first user message."""
    alternating: bool = False
    """Whether user and assistant must take turns: messages of one side are joined."""
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_completion_tokens"
    """The name of the field that limits the tokens of a reply."""
    temperature: bool = True
    """Whether a temperature may be set."""
    parallel_calls: bool = True
    """Whether one assistant message may hold several tool calls; where not, the history is said one by one."""
    empty_content: Literal["null", "empty"] = "null"
    """What stands for the text of an assistant message that only calls tools."""
    reasoning: Literal["dropped", "reasoning_content", "reasoning"] = "dropped"
    """The field in which earlier reasoning is sent back, for endpoints that insist on it."""
    stream_usage: bool = True
    """Whether a stream may be asked for its usage."""
    cache_marks: bool = False
    """Whether the stable part of a prompt is marked with `cache_control`, as Anthropic's models want it."""
    context_tokens: int | None = Field(default=None, ge=512)
    """Tokens that prompt and reply may have together; None: not known."""


TraitValues = Mapping[str, Any]
"""Some of the fields of EndpointTraits."""


class Lesson(NamedTuple):
    """What a refusal taught."""

    update: dict[str, Any]
    """The fields that differ from what was thought."""
    why: str
    """In words, for the log."""
    sure: bool = True
    """False: a guess, kept only when the endpoint then takes the request."""


class TraitBook:
    """The traits of each model of one endpoint; safe to share between threads."""

    def __init__(self, everywhere: TraitValues, by_model: Mapping[str, TraitValues]) -> None:
        self._everywhere = dict(everywhere)
        self._by_model = {model: dict(values) for model, values in by_model.items()}
        self._known: dict[str, EndpointTraits] = {}
        self._lock = threading.Lock()

    def of(self, model: str) -> EndpointTraits:
        """The traits that hold for a model now."""
        with self._lock:
            return self._of(model)

    def learn(self, model: str, lesson: Lesson) -> None:
        """Keep what was learned of a model until the process ends; one line of log for each trait."""
        with self._lock:  # from reading to writing: another thread may learn something else meanwhile
            before = self._of(model)
            after = self._known[model] = EndpointTraits.model_validate({**before.model_dump(), **lesson.update})
        for name in sorted(lesson.update):
            if getattr(before, name) != getattr(after, name):
                logger.info("model %s: %s is %s from here on: %s", model, name, getattr(after, name), lesson.why)

    def _of(self, model: str) -> EndpointTraits:
        known = self._known.get(model)
        if known is None:
            values = {**_expected(model), **self._everywhere, **self._by_model.get(model, {})}
            known = self._known[model] = EndpointTraits.model_validate(values)
        return known


def _expected(model: str) -> dict[str, Any]:
    """What a model's name lets expect; a refusal corrects it."""
    return {"cache_marks": True} if "claude" in model.lower() else {}
