"""An endpoint that takes only the plainest chat: one user, one assistant, text alone. It refuses all else by name."""

from dataclasses import dataclass
from typing import Any

from tests.tools.endpoints.hosting import Hosted
from tests.tools.scripted import Answer, fails, says, streams

CALL = "I look.\n<tool_call>\n<function=bash>\n<parameter=command>\nls -a\n</parameter>\n</function>\n</tool_call>"


@dataclass
class Picky(Hosted):
    """The endpoint; its every reply is one call in the text."""

    reply: str = CALL

    def answer(self, body: dict[str, Any]) -> Answer:
        refused = self._refusal(body)
        if refused is not None:
            return fails(400, refused)
        if not body.get("stream"):
            return says(self.reply)
        return streams(
            {"choices": [{"delta": {"content": self.reply}}]}, {"choices": [{"delta": {}, "finish_reason": "stop"}]}
        )

    def _refusal(self, body: dict[str, Any]) -> str | None:
        known = {"model", "messages", "stream", "max_tokens"}
        for name in ("stream_options", "temperature", "response_format", "max_completion_tokens"):
            if name in body:
                return f"Unknown parameter: '{name}'."
        if "tools" in body:
            return "this model does not support tools"
        if set(body) - known:
            return f"Unrecognized request argument supplied: {', '.join(set(body) - known)}"
        roles = [message["role"] for message in body["messages"]]
        if set(roles) - {"user", "assistant"}:
            return "Only user and assistant roles are supported!"
        if roles != ["user", "assistant"] * (len(roles) // 2) + ["user"]:
            return "Conversation roles must alternate user/assistant/user/assistant/..."
        if any(
            not isinstance(message["content"], str) or set(message) - {"role", "content"}
            for message in body["messages"]
        ):
            return "content must be a string"
        return None
