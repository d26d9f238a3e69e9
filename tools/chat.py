"""What is said to a model and what it answers, as records; independent of any endpoint."""

from typing import Literal

from pydantic import JsonValue

from tools.record import Record

MessageRole = Literal["system", "user", "assistant", "tool"]


class ToolCall(Record):
    """One call of a tool that the model asks for; its name may be unknown to us."""

    id: str
    """The endpoint's id of the call; the tool message that answers it repeats it."""
    name: str
    arguments: str
    """JSON text exactly as the model sent it; it need not be valid."""


class Message(Record):
    """One message of a conversation."""

    role: MessageRole
    content: str | None
    tool_calls: tuple[ToolCall, ...] = ()
    """Only with role assistant."""
    tool_call_id: str | None = None
    """Only with role tool: the id of the call that this message answers."""
    reasoning: str | None = None
    """Only with role assistant: what the model thought before; sent back only to endpoints that insist on it."""


class ToolSchema(Record):
    """A tool as it is shown to the model."""

    name: str
    description: str
    parameters: dict[str, JsonValue]
    """JSON Schema of the arguments."""


class ModelRequest(Record):
    """One request to a model."""

    turn: str
    """`feature/task/role/round/step`, sent as the header X-Roadcrew-Turn."""
    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...] = ()
    response_schema: dict[str, JsonValue] | None = None
    """JSON Schema that the endpoint should hold the reply to."""
    schema_name: str = ""


class Usage(Record):
    """Tokens and cost of one reply."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """US dollars; None when the model's price is not known."""
    cached_tokens: int = 0
    """Those of the prompt tokens that the endpoint took from its cache."""
    estimated: bool = False
    """True when the endpoint gave no usage and the tokens are counted from the length of the text."""


class ModelReply(Record):
    """One reply of a model."""

    content: str | None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str
    """stop, tool_calls, length, content_filter, or another word of the endpoint."""
    usage: Usage
    model: str
    """The model that the endpoint says has answered."""
    reasoning: str | None = None
    """What the model thought, where the endpoint tells."""

    @property
    def truncated(self) -> bool:
        """Whether the reply was cut off at the model's limit of output tokens."""
        return self.finish_reason == "length"

    def as_message(self) -> Message:
        """The reply as the assistant's message of the conversation that goes on."""
        return Message(role="assistant", content=self.content, tool_calls=self.tool_calls, reasoning=self.reasoning)
