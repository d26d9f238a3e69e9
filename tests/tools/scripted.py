"""An endpoint on a real socket that answers from a script: replies and faults, one after the other.

It stands in for models, and for code hosts where a fault is needed that the forge does not have.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr

from tools.model import ModelSettings


@dataclass(frozen=True)
class Answer:
    """One answer of the endpoint."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Bytes of the body after which the connection is closed, though the whole length was announced."""
    endless: bytes = b""
    """Sent again and again after the body, until whoever asked hangs up."""


def says(content: str | None = "done", **more: Any) -> Answer:
    """A chat completion; `calls` are (name, arguments), `usage`, `finish` and `model` as named."""
    message: dict[str, Any] = {"role": "assistant", "content": content}
    calls = more.pop("calls", ())
    if calls:
        message["tool_calls"] = [
            {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for number, (name, arguments) in enumerate(calls)
        ]
    finish = more.pop("finish", "tool_calls" if calls else "stop")
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": more.pop("model", "gpt-5-2025-08-07"),
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    usage = more.pop("usage", {"prompt_tokens": 1000, "completion_tokens": 100})
    if usage is not None:
        completion["usage"] = usage
    assert not more, f"says() does not know {sorted(more)}"
    return raw(json.dumps(completion))


def raw(text: str, status: int = 200, **headers: str) -> Answer:
    """Any body; header names with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(text.encode(), status, {"Content-Type": "application/json", **named})


def fails(status: int, message: str = "it went wrong", **headers: str) -> Answer:
    """An error in the protocol's form."""
    return raw(json.dumps({"error": {"message": message, "type": "some_error"}}), status, **headers)


def cut(answer: Answer, after: int = 10) -> Answer:
    """The same answer with the connection lost in the middle."""
    return Answer(answer.body, answer.status, answer.headers, cut_after=after)


def streams(*chunks: dict[str, Any], done: bool = True) -> Answer:
    """Server-sent events."""
    events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    text = "".join([*events, "data: [DONE]\n\n"] if done else events)
    return Answer(text.encode(), 200, {"Content-Type": "text/event-stream"})


@dataclass(frozen=True)
class Seen:
    """One request that came in."""

    body: dict[str, Any]
    headers: dict[str, str]
    """Names in lower case."""
    call: str
    """Method and path."""


@dataclass
class ScriptedModel:
    """The endpoint: gives its answers in order, the last one for ever; keeps what it was asked."""

    answers: list[Answer]
    base_url: str = ""
    requests: list[Seen] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def settings(self, **more: Any) -> ModelSettings:
        """Settings that point here, with short pauses."""
        values = {"api_key": SecretStr("key"), "default_model": "gpt-5", "backoff": 0.001, **more}
        return ModelSettings(base_url=self.base_url, **values)

    @property
    def calls(self) -> list[str]:
        """Method and path of each request."""
        return [seen.call for seen in self.requests]

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Handler(BaseHTTPRequestHandler):
    model: ScriptedModel
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = f"{self.command} {self.path}"
        self.model.requests.append(Seen(json.loads(content) if content else {}, headers, call))
        answer = self.model.next_answer()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.endless:
            self._send_without_end(answer)
            return
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.cut_after is None:
            self.wfile.write(answer.body)
        else:
            self.wfile.write(answer.body[: answer.cut_after])
            self.close_connection = True

    def _send_without_end(self, answer: Answer) -> None:
        self.close_connection = True
        self.send_header("Connection", "close")
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(answer.body)
            while not self.model.closed.wait(0.02):
                self.wfile.write(answer.endless)

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests look at what was asked."""


@contextmanager
def serving(answers: Sequence[Answer]) -> Iterator[ScriptedModel]:
    """Serve the script while the context lasts."""
    model = ScriptedModel(list(answers))
    handler = type("Handler", (_Handler,), {"model": model})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    model.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        model.closed.set()
        server.shutdown()
        server.server_close()
        thread.join()
