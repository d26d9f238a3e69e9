"""Digests of journaled requests: a conversation that grows is hashed message by message, each one once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from pydantic import JsonValue

from tools.model import Message, ModelRequest, ToolSchema


def digest_of(value: JsonValue) -> str:
    """Return the SHA-256 of a value's JSON; the order of keys does not count."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def shared_beginning(one: Sequence[Message], other: Sequence[Message]) -> int:
    """Return how many messages two conversations have in common at their beginning."""
    shared = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine is not theirs and mine != theirs:
            break
        shared += 1
    return shared


class RequestDigests:
    """Digests the model requests of one turn; what the request before held is not looked at again."""

    def __init__(self) -> None:
        self._messages: tuple[Message, ...] = ()
        self._digests: list[str] = []
        self._tools: tuple[ToolSchema, ...] = ()
        self._tools_digest = digest_of([])

    def of(self, request: ModelRequest) -> str:
        """Return the digest of all that a request says; whose turn it is does not count."""
        kept = shared_beginning(self._messages, request.messages)
        new = (digest_of(message.model_dump(mode="json")) for message in request.messages[kept:])
        self._digests = [*self._digests[:kept], *new]
        self._messages = request.messages
        if request.tools is not self._tools:
            self._tools = request.tools
            self._tools_digest = digest_of([tool.model_dump(mode="json") for tool in request.tools])
        frame = digest_of([request.model, request.response_schema, request.schema_name, self._tools_digest])
        return hashlib.sha256("\n".join([frame, *self._digests]).encode()).hexdigest()
