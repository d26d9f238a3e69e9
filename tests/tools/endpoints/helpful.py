"""An endpoint with a model that does what the check asks; what it lacks is switched off by name."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.tools.endpoints.hosting import Hosted
from tests.tools.scripted import Answer, fails, raw, says, streams
from tools.chat import ToolCall
from tools.model_text import call_text

COLOUR = '{"colour": "green", "reason": "it is calm"}'


@dataclass
class Helpful(Hosted):
    """The endpoint. Lacks: tools, schemas, system, usage, streams, parallel, context, any_tools."""

    lacks: frozenset[str] = frozenset()
    model: str = "helper-1"
    listed: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "helper-1", "max_model_len": 32768}])

    def other(self, call: str, body: dict[str, Any]) -> Answer:
        if call == "GET /v1/models":
            return raw(json.dumps({"object": "list", "data": self.listed}))
        return super().other(call, body)

    def answer(self, body: dict[str, Any]) -> Answer:
        refusal = self._refusal(body)
        if refusal is not None:
            return refusal
        usage = None if "usage" in self.lacks else self._counted(body)
        if body.get("stream"):
            return streams(
                {"choices": [{"delta": {"content": "rea"}}]},
                {"choices": [{"delta": {"content": "dy"}, "finish_reason": "stop"}], "usage": usage},
            )
        calls = self._calls(body)
        if calls and "tools" not in body:
            texts = (call_text(ToolCall(id="", name=name, arguments=arguments)) for name, arguments in calls)
            return says("\n".join(texts), usage=usage)
        return says(None if calls else self._text(body), calls=calls, usage=usage)

    def _refusal(self, body: dict[str, Any]) -> Answer | None:
        if body["model"] != self.model:
            return fails(404, f"The model `{body['model']}` does not exist")
        if "tools" in body and "tools" in self.lacks:
            return fails(400, f"{self.model} does not support tools")
        if "response_format" in body and "schemas" in self.lacks:
            return fails(400, "response_format is not supported")
        if body["messages"][0]["role"] == "system" and "system" in self.lacks:
            return fails(400, "System role not supported")
        if body.get("stream") and "streams" in self.lacks:
            return fails(400, "streaming is switched off")
        return None

    def _counted(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = len(json.dumps(body)) // 4
        return {"prompt_tokens": min(prompt, 2050) if "context" in self.lacks else prompt, "completion_tokens": 5}

    def _said(self, body: dict[str, Any]) -> str:
        text = "\n".join(str(message.get("content") or "") for message in body["messages"])
        return text[-8000:] if "context" in self.lacks else text

    def _calls(self, body: dict[str, Any]) -> list[tuple[str, str]]:
        told = "tools" in body or "# Tools" in self._said(body)
        if not told or "any_tools" in self.lacks or "70" in self._said(body):
            return []
        pairs = [(19, 23)] if "19 + 23" in self._said(body) else [(1, 2), (30, 40)]
        if "parallel" in self.lacks:
            pairs = pairs[:1]
        return [("add", json.dumps({"a": a, "b": b})) for a, b in pairs]

    def _text(self, body: dict[str, Any]) -> str:
        said = self._said(body)
        answers = {
            "word of the day is heliotrope": "Heliotrope.",
            "BANANA": "BANANA",
            "colour": COLOUR,
            "larger result": "The larger result is 70.",
        }
        return next((answer for words, answer in answers.items() if words in said), "ready")
