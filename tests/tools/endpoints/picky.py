"""An endpoint that takes only the plainest chat: one user, one assistant, text alone. It refuses all else by name."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr

from tests.tools.scripted import Answer, Seen, fails, says, streams
from tools.model import ModelSettings

CALL = "I look.\n<tool_call>\n<function=bash>\n<parameter=command>\nls -a\n</parameter>\n</function>\n</tool_call>"


@dataclass
class Picky:
    """The endpoint, and what it was asked."""

    base_url: str = ""
    requests: list[Seen] = field(default_factory=list)
    reply: str = CALL

    def settings(self, **more: Any) -> ModelSettings:
        values = {"api_key": SecretStr("key"), "default_model": "m", "backoff": 0.001, **more}
        return ModelSettings(base_url=self.base_url, **values)

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


class _Handler(BaseHTTPRequestHandler):
    endpoint: Picky
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.endpoint.requests.append(Seen(body, headers, f"POST {self.path}"))
        answer = self.endpoint.answer(body)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def picky_endpoint(endpoint: Picky) -> Iterator[Picky]:
    """Serve it while the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"endpoint": endpoint}))
    server.daemon_threads = True
    endpoint.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
