"""The settings of the model: where it answers, which model each role uses, and what is known of it."""

from typing import Any

from pydantic import Field, JsonValue, SecretStr

from tools.pricing import Price
from tools.record import Record


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
    """Seconds for one attempt, its whole reply included."""
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
    temperature: float | None = Field(default=None, ge=0, le=2)
    """None: the endpoint's own."""
    max_output_tokens: int | None = Field(default=None, ge=1)
    """Tokens of one reply at most; None: the endpoint's own limit."""
    traits: dict[str, Any] = {}
    """Fields of EndpointTraits that hold for every model."""
    traits_of: dict[str, dict[str, Any]] = {}
    """Fields of EndpointTraits by model; they win over those for every model."""
    extra: dict[str, JsonValue] = {}
    """Further fields of each request's body, such as reasoning_effort."""

    def model_for(self, role: str) -> str:
        """The model that a role uses."""
        return self.models.get(role, self.default_model)
