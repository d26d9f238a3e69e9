"""The way to the endpoint: the openai SDK, one connection pool, raw JSON in and out."""

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from pydantic import JsonValue

from tools.model_settings import ModelSettings
from tools.streaming import assemble

if TYPE_CHECKING:
    import openai

TURN_HEADER = "X-Roadcrew-Turn"


class Transport:
    """Speaks to one endpoint; raises the SDK's own errors, StreamCut and ValueError for what is not JSON."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._sdk: openai.OpenAI | None = None

    def post(self, path: str, body: Mapping[str, JsonValue], turn: str) -> JsonValue:
        """The whole answer to a request."""
        import httpx2

        response = self._client().post(
            path, cast_to=httpx2.Response, body=dict(body), options={"headers": {TURN_HEADER: turn}}
        )
        return cast(JsonValue, json.loads(response.content.decode("utf-8", errors="replace")))

    def stream(self, path: str, body: Mapping[str, JsonValue], turn: str) -> JsonValue:
        """The whole answer, put together from a stream."""
        import openai

        chunks: Any = self._client().post(
            path,
            cast_to=object,
            body=dict(body),
            options={"headers": {TURN_HEADER: turn}},
            stream=True,
            stream_cls=openai.Stream[object],
        )
        return assemble(chunk for chunk in chunks if isinstance(chunk, dict))

    def models(self) -> list[dict[str, JsonValue]]:
        """What the endpoint tells of its models; every entry has an id."""
        import httpx2

        response = self._client().get("/models", cast_to=httpx2.Response)
        body = json.loads(response.content.decode("utf-8", errors="replace"))
        listed = body.get("data") or body.get("models") if isinstance(body, dict) else body
        entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        return [{**entry, "id": entry.get("id") or entry.get("name") or ""} for entry in entries]

    def close(self) -> None:
        """Close the connections; new ones are opened when it is used again."""
        with self._lock:
            if self._sdk is not None:
                self._sdk.close()
                self._sdk = None

    def _client(self) -> "openai.OpenAI":
        import openai

        settings = self._settings
        with self._lock:
            if self._sdk is None:
                self._sdk = openai.OpenAI(
                    base_url=settings.base_url,
                    # an empty key would make an illegal header; endpoints without keys ignore the word
                    api_key=settings.api_key.get_secret_value() or "none",
                    timeout=settings.timeout,
                    max_retries=0,
                    http_client=_http_client(settings),
                )
            return self._sdk


def _http_client(settings: ModelSettings) -> Any:
    import openai

    from tools.model_deadline import deadline_hooks

    # A proxy of the environment cannot reach a server on this machine's loopback.
    loopback = urlsplit(settings.base_url).hostname in {"localhost", "127.0.0.1", "::1"}
    hooks = deadline_hooks(settings.timeout)
    return openai.DefaultHttpxClient(timeout=settings.timeout, trust_env=not loopback, event_hooks=hooks)
