"""The model client on a replay of what it recorded itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from werkzeug.serving import make_server

from local.replay_server import create_replay
from tools.completions import transcript_entry
from tools.errors import ReplayDiverged
from tools.model import Message, ModelClient, ModelReply, ModelRequest, ModelSettings, ToolCall, ToolSchema, Usage

ASKED = ModelRequest(
    turn="F-1/T-101/coder/1/1",
    model="recorded",
    messages=(Message(role="user", content="Begin.\nVerdict: 1 failed in 0.2s"),),
    tools=(ToolSchema(name="bash", description="Runs a command.", parameters={"type": "object"}),),
)
ANSWERED = ModelReply(
    content="I look.",
    tool_calls=(ToolCall(id="c1", name="bash", arguments='{"command": "ls"}'),),
    finish_reason="tool_calls",
    usage=Usage(prompt_tokens=10, completion_tokens=5, cost_usd=None),
    model="recorded",
)


@contextmanager
def served(app: Flask) -> Iterator[ModelSettings]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield ModelSettings(base_url=f"http://127.0.0.1:{server.port}/v1", default_model="recorded", backoff=0.001)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def replay() -> Iterator[ModelSettings]:
    entries = {ASKED.turn: transcript_entry(ASKED, ANSWERED)}
    with served(create_replay(entries)) as settings:
        yield settings


@pytest.mark.parametrize("stream", [False, True])
def test_a_recorded_call_is_replayed_as_it_was(replay: ModelSettings, stream: bool) -> None:
    with ModelClient(replay.model_copy(update={"stream": stream})) as client:
        assert client.complete(ASKED) == ANSWERED


def test_a_turn_with_another_verdict_stops(replay: ModelSettings) -> None:
    other = ASKED.model_copy(update={"messages": (Message(role="user", content="Begin.\nVerdict: 2 failed in 0.2s"),)})
    with ModelClient(replay) as client, pytest.raises(ReplayDiverged, match="1 failed.*2 failed") as caught:
        client.complete(other)
    assert caught.value.status == 409


def test_a_turn_that_was_not_recorded_stops(replay: ModelSettings) -> None:
    further = ASKED.model_copy(update={"turn": "F-1/T-101/coder/1/2"})
    with ModelClient(replay) as client, pytest.raises(ReplayDiverged, match="F-1/T-101/coder/1/1"):
        client.complete(further)


def test_a_structured_call_that_differs_is_not_tried_without_its_schema(replay: ModelSettings) -> None:
    request = ASKED.model_copy(update={"turn": "unknown", "response_schema": {"type": "object"}})
    with ModelClient(replay) as client, pytest.raises(ReplayDiverged):
        client.complete(request)
