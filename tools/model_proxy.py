"""A model endpoint of our own for agents that bring their own loop: it asks the model through whoever opened it.

An agent inside an environment speaks chat completions, streamed or whole, to this proxy and to nobody else. Each
request becomes one of our records and each reply goes back in the protocol's words, so whoever answers can journal,
count and refuse. Requests are answered one at a time, in the order in which they come.
"""

from __future__ import annotations

import hmac
import json
import logging
import queue
import secrets
import select
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast

from pydantic import JsonValue, ValidationError

from tools.chat import Message, ModelReply, ModelRequest, ToolCall, ToolSchema
from tools.completions import completion_from_reply
from tools.errors import ProxyRefused

logger = logging.getLogger(__name__)

LARGEST = 32 * 1024 * 1024
"""Bytes of one request."""
_LOOK_SECONDS = 0.05
Answer = Callable[[ModelRequest], ModelReply]


class Pending:
    """One request that waits for its answer."""

    def __init__(self, request: ModelRequest, gone: Callable[[], bool]) -> None:
        self.request = request
        self.gone = gone
        """Whether whoever asked has hung up since."""
        self._reply: ModelReply | None = None
        self._refusal = "the model cannot be asked any more"
        self._answered = threading.Event()

    def give(self, reply: ModelReply) -> None:
        """Answer it."""
        self._reply = reply
        self._answered.set()

    def refuse(self, why: str = "") -> None:
        """Let it go without a reply; without effect when it has one."""
        self._refusal = why or self._refusal
        self._answered.set()

    def wait(self) -> ModelReply:
        """Return the reply; raises `ProxyRefused` where there will be none."""
        self._answered.wait()
        if self._reply is None:
            raise ProxyRefused(self._refusal)
        return self._reply


class ModelProxy:
    """Listens on a port of this host's loopback; a context manager that stops it."""

    def __init__(self, model: str) -> None:
        self.key = secrets.token_urlsafe(24)
        """What the agent must send as its API key."""
        self.refused = ""
        """Why the agent was told that it gets no more; empty while it does."""
        self._model = model
        self._waiting: queue.Queue[Pending] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name=f"proxy-{self.port}", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.refused = self.refused or "the turn is over"
        self._server.shutdown()
        self._server.server_close()
        self._refuse_all()

    def answer(self, how: Answer, until: threading.Event) -> None:
        """Answer requests in this thread, one after the other, until the event is set.

        A request whose client has hung up meanwhile is left out: agents that wait too long ask anew.
        ``how`` may raise `ProxyRefused` to have the agent told that it gets no more. Any other error of it ends the
        conversation and goes on to the caller.
        """
        while not until.is_set():
            try:
                pending = self._waiting.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            try:
                if pending.gone():
                    logger.info("a request is not answered: its client has hung up")
                    continue
                pending.give(how(pending.request))
            except ProxyRefused as refusal:
                self.refused = refusal.message
            finally:
                pending.refuse(self.refused)

    def complete(self, body: JsonValue, gone: Callable[[], bool] = lambda: False) -> ModelReply:
        """Have one request answered; raises `ProxyRefused` for one that cannot or must not be answered.

        `gone` tells when it is its turn whether whoever asked still waits.
        """
        pending = Pending(request_of(body, self._model), gone)
        if self.refused:
            raise ProxyRefused(self.refused)
        self._waiting.put(pending)
        if self.refused:
            pending.refuse(self.refused)
        return pending.wait()

    def _refuse_all(self) -> None:
        while True:
            try:
                self._waiting.get_nowait().refuse(self.refused)
            except queue.Empty:
                return


def request_of(body: JsonValue, model: str) -> ModelRequest:
    """Return a chat completions request as a record; raises `ProxyRefused` for what we do not carry."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        raise ProxyRefused("the request has no messages")
    messages = cast(list[JsonValue], body["messages"])
    tools = body.get("tools")
    try:
        return ModelRequest(
            turn="",
            model=model,
            messages=tuple(_message(message) for message in messages),
            tools=tuple(_tool(tool) for tool in tools) if isinstance(tools, list) else (),
        )
    except (AttributeError, KeyError, TypeError, ValidationError) as fault:
        raise ProxyRefused(f"the request cannot be read: {str(fault)[:300]}") from fault


def _message(value: Any) -> Message:
    role: Any = "system" if value["role"] == "developer" else value["role"]
    calls = tuple(
        ToolCall(id=call["id"], name=call["function"]["name"], arguments=call["function"].get("arguments") or "")
        for call in value.get("tool_calls") or ()
    )
    content = value.get("content")
    if isinstance(content, list):
        content = "".join(part["text"] for part in content if part.get("type") == "text")
    return Message(
        role=role,
        content=content,
        tool_calls=calls,
        tool_call_id=value.get("tool_call_id"),
        reasoning=value.get("reasoning_content"),
    )


def _tool(value: Any) -> ToolSchema:
    function = value["function"]
    return ToolSchema(
        name=function["name"],
        description=function.get("description") or "",
        parameters=function.get("parameters") or {},
    )


def streamed(reply: ModelReply, turn: str) -> Iterator[dict[str, JsonValue]]:
    """Yield a reply as the chunks of a stream: what is said in one piece, then the end with its usage."""
    whole = completion_from_reply(reply, turn)
    choice = cast(dict[str, Any], cast(list[Any], whole["choices"])[0])
    head = {"id": whole["id"], "object": "chat.completion.chunk", "created": whole["created"], "model": whole["model"]}
    delta = dict(choice["message"])
    for index, call in enumerate(delta.get("tool_calls") or ()):
        call["index"] = index
    yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    yield {**head, "choices": [], "usage": whole.get("usage")}


def _handler(proxy: ModelProxy) -> type[BaseHTTPRequestHandler]:
    return type("BoundHandler", (_Handler,), {"proxy": proxy})


class _Handler(BaseHTTPRequestHandler):
    """The protocol's two routes that agents use."""

    proxy: ModelProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 600

    def do_GET(self) -> None:
        if self._is_known() and self.path.rstrip("/").endswith("/models"):
            self._send(200, {"object": "list", "data": [{"id": "default", "object": "model", "owned_by": "roadcrew"}]})

    def do_POST(self) -> None:
        if not self._is_known():
            return
        if not self.path.endswith("/chat/completions"):
            self._fail(404, "only chat completions are answered here")
            return
        try:
            body = json.loads(self.rfile.read(min(int(self.headers.get("Content-Length") or 0), LARGEST)))
        except ValueError:
            self._fail(400, "the body is no JSON")
            return
        try:
            reply = self.proxy.complete(body, self._is_gone)
        except ProxyRefused as refusal:
            self._fail(400, refusal.message)
            return
        if isinstance(body, dict) and body.get("stream"):
            self._stream(reply)
        else:
            self._send(200, completion_from_reply(reply, "proxy"))

    def _is_gone(self) -> bool:
        """Whether the client has closed the connection."""
        readable = select.poll()
        readable.register(self.connection, select.POLLIN)
        try:
            return bool(readable.poll(0)) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def _is_known(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), self.proxy.key.encode()):
            return True
        self.close_connection = True
        self._fail(401, "the API key is not the one of this turn")
        return False

    def _stream(self, reply: ModelReply) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        events = [*(json.dumps(chunk) for chunk in streamed(reply, "proxy")), "[DONE]"]
        for event in events:
            data = f"data: {event}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, status: int, value: JsonValue) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _fail(self, status: int, message: str) -> None:
        self._send(status, {"error": {"message": message, "type": "invalid_request_error", "code": "refused"}})

    def log_message(self, format: str, *args: object) -> None:
        logger.debug("model proxy: " + format, *args)  # noqa: G003 - the library's own format string
