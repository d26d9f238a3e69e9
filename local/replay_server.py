"""The replay server's routes: chat completions answered from a transcript, and the report."""

import difflib
import json
from collections.abc import Iterator, Mapping

from flask import Flask, Response, request
from pydantic import JsonValue

from local.replay_compare import compare
from local.replay_report import Tally
from local.transcript import TranscriptEntry

TURN_HEADER = "X-Roadcrew-Turn"
BODY_LIMIT = 64 * 1024 * 1024
"""Bytes of a request; a long conversation is a few megabytes."""


def create_replay(entries: Mapping[str, TranscriptEntry]) -> Flask:
    """The app that answers from these entries."""
    app = Flask("local.replay", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    tally = Tally(tuple(entries))

    @app.post("/v1/chat/completions")
    def complete() -> Response:
        return _complete(entries, tally)

    @app.get("/v1/models")
    def models() -> Response:
        names = sorted({entry.request.model for entry in entries.values()})
        return _json({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})

    @app.get("/replay/report")
    def report() -> Response:
        return Response(tally.report().model_dump_json(), content_type="application/json")

    return app


def _complete(entries: Mapping[str, TranscriptEntry], tally: Tally) -> Response:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        return _refuse(400, "replay_bad_request", "the body is not a JSON object")
    turn = request.headers.get(TURN_HEADER, "")
    entry = entries.get(turn)
    if entry is None:
        tally.unknown(turn)
        return _refuse(404, "replay_unknown_turn", _unknown_words(turn, list(entries)))
    comparison = compare(entry.request, body)
    tally.wordings(turn, comparison)
    if comparison.mismatches:
        words = "this request is not the recorded one: " + "; ".join(comparison.mismatches)
        tally.stopped(turn, words)
        return _refuse(409, "replay_diverged", words)
    tally.served(turn)
    if body.get("stream"):
        return Response(_stream(entry.reply), content_type="text/event-stream")
    return _json(entry.reply)


def _unknown_words(turn: str, known: list[str]) -> str:
    if not turn:
        return f"the request has no header {TURN_HEADER}: a replay finds its answers by it"
    near = difflib.get_close_matches(turn, known, n=3, cutoff=0.0)
    return f"turn {turn} is not recorded; the nearest recorded turns are {', '.join(near)}"


def _refuse(status: int, kind: str, message: str) -> Response:
    """An error in the protocol's form; clients are told not to try again."""
    response = _json({"error": {"message": message, "type": kind, "param": None, "code": kind}}, status)
    response.headers["X-Should-Retry"] = "false"
    return response


def _json(value: JsonValue | Mapping[str, JsonValue], status: int = 200) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), status, content_type="application/json")


def _stream(reply: Mapping[str, JsonValue]) -> Iterator[str]:
    """The recorded completion as a stream: one piece with the whole message, its end, and the usage."""
    head = {"id": reply.get("id"), "object": "chat.completion.chunk", "model": reply.get("model")}
    choices = reply.get("choices")
    for choice in choices if isinstance(choices, list) else []:
        if isinstance(choice, dict):
            index, message = choice.get("index", 0), choice.get("message")
            delta = _delta(message) if isinstance(message, dict) else {}
            finish = choice.get("finish_reason")
            yield _event({**head, "choices": [{"index": index, "delta": delta, "finish_reason": None}]})
            yield _event({**head, "choices": [{"index": index, "delta": {}, "finish_reason": finish}]})
    yield _event({**head, "choices": [], "usage": reply.get("usage")})
    yield "data: [DONE]\n\n"


def _delta(message: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return dict(message)
    numbered = [{"index": index, **call} for index, call in enumerate(calls) if isinstance(call, dict)]
    return {**message, "tool_calls": [*numbered]}


def _event(value: Mapping[str, JsonValue]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
