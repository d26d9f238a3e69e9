"""Serving an endpoint that decides by itself what it answers, on a real socket."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from pydantic import SecretStr

from tests.tools.scripted import Answer, Seen, fails
from tools.model import ModelSettings


@dataclass
class Hosted:
    """An endpoint, and what it was asked."""

    base_url: str = ""
    requests: list[Seen] = field(default_factory=list)

    def settings(self, **more: Any) -> ModelSettings:
        """Settings that point here, with short pauses."""
        values = {"api_key": SecretStr("key"), "default_model": "m", "backoff": 0.001, **more}
        return ModelSettings(base_url=self.base_url, **values)

    def answer(self, body: dict[str, Any]) -> Answer:
        """The answer to a chat completions request."""
        raise NotImplementedError

    def other(self, call: str, body: dict[str, Any]) -> Answer:
        """The answer to any other request, named by method and path."""
        return fails(404, f"no route {call}")


Endpoint = TypeVar("Endpoint", bound=Hosted)


class _Handler(BaseHTTPRequestHandler):
    endpoint: Hosted
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = json.loads(content) if content else {}
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = f"{self.command} {self.path}"
        self.endpoint.requests.append(Seen(body, headers, call))
        chat = self.path.endswith("/chat/completions")
        answer = self.endpoint.answer(body) if chat else self.endpoint.other(call, body)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests look at what was asked."""


@contextmanager
def hosting(endpoint: Endpoint) -> Iterator[Endpoint]:
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
