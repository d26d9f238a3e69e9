"""The model client against a scripted endpoint on a real socket."""

import json
import logging
import socket
from collections.abc import Callable

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, SecretStr

from tests.tools.scripted import Answer, ScriptedModel, cut, fails, raw, says, serving, streams
from tools.completions import completion_from_reply, reply_from_completion, transcript_entry
from tools.errors import ModelError, ModelRefused, ModelReplyBroken, ModelUnavailable, ReplayDiverged
from tools.model import (
    Message,
    ModelClient,
    ModelReply,
    ModelRequest,
    ModelSettings,
    Price,
    ToolCall,
    ToolSchema,
    Usage,
)
from tools.model_faults import Asked, fault_of
from tools.pricing import PriceTable, list_prices

Script = Callable[..., ScriptedModel]

REQUEST = ModelRequest(
    turn="F-1/T-101/coder/1/3",
    model="gpt-5",
    messages=(
        Message(role="system", content="You code."),
        Message(role="user", content="Begin."),
        Message(role="assistant", content=None, tool_calls=(ToolCall(id="a", name="bash", arguments="{}"),)),
        Message(role="tool", content="Verdict: exit 0", tool_call_id="a"),
    ),
    tools=(ToolSchema(name="bash", description="Runs a command.", parameters={"type": "object"}),),
)


def ask(model: ScriptedModel, request: ModelRequest = REQUEST, **settings: object) -> ModelReply:
    with ModelClient(model.settings(**settings)) as client:
        return client.complete(request)


def test_a_request_carries_the_turn_and_the_conversation_in_the_protocols_words(
    scripted_model: Script,
) -> None:
    model = scripted_model(says("hello"))
    ask(model)
    (seen,) = model.requests
    assert seen.headers["x-roadcrew-turn"] == "F-1/T-101/coder/1/3"
    assert seen.headers["authorization"] == "Bearer key"
    assert "stream" not in seen.body
    assert [message["role"] for message in seen.body["messages"]] == ["system", "user", "assistant", "tool"]
    assert seen.body["messages"][2]["tool_calls"][0]["function"] == {"name": "bash", "arguments": "{}"}
    assert seen.body["messages"][3]["tool_call_id"] == "a"
    assert seen.body["tools"][0]["function"]["name"] == "bash"


def test_a_reply_is_read_with_its_usage_and_cost(scripted_model: Script) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 400}}
    reply = ask(scripted_model(says("hello", usage=usage)))
    assert (reply.content, reply.finish_reason, reply.model) == ("hello", "stop", "gpt-5-2025-08-07")
    assert reply.usage.cost_usd == pytest.approx((600 * 1.25 + 400 * 0.125 + 100 * 10) / 1e6)
    assert not reply.usage.estimated


def test_calls_of_unknown_tools_and_broken_arguments_are_kept(scripted_model: Script) -> None:
    reply = ask(scripted_model(says(None, calls=[("no_such_tool", '{"half": ')])))
    assert reply.tool_calls == (ToolCall(id="c0", name="no_such_tool", arguments='{"half": '),)
    assert reply.finish_reason == "tool_calls"


def test_a_truncated_reply_is_returned_and_says_so(scripted_model: Script) -> None:
    assert ask(scripted_model(says("hel", finish="length"))).truncated


def test_missing_usage_is_estimated_and_marked(scripted_model: Script) -> None:
    usage = ask(scripted_model(says("x" * 400, usage=None))).usage
    assert usage.estimated
    assert usage.completion_tokens == 100
    assert usage.prompt_tokens > 0


def test_an_unknown_price_is_one_warning_and_no_cost(scripted_model: Script, caplog: pytest.LogCaptureFixture) -> None:
    model = scripted_model(says("a"))
    request = REQUEST.model_copy(update={"model": "house-model-7"})
    with ModelClient(model.settings()) as client:
        costs = [client.complete(request).usage.cost_usd for _ in range(3)]
    assert costs == [None] * 3
    warned = [record for record in caplog.records if "house-model-7 is not known" in record.getMessage()]
    assert len(warned) == 1


@pytest.mark.parametrize("fault", [fails(408), fails(409), fails(429), fails(500), fails(503)])
def test_failures_that_may_pass_are_asked_again(
    scripted_model: Script, fault: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    model = scripted_model(fault, fault, says("at last"))
    assert ask(model).content == "at last"
    assert len(model.requests) == 3
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 2


def test_after_all_retries_the_model_is_unavailable(scripted_model: Script) -> None:
    model = scripted_model(fails(503, "overloaded"))
    with pytest.raises(ModelUnavailable, match="503.*overloaded"):
        ask(model, max_retries=2)
    assert len(model.requests) == 3


def test_the_wait_that_the_endpoint_asks_for_is_kept(scripted_model: Script, caplog: pytest.LogCaptureFixture) -> None:
    model = scripted_model(fails(429, retry_after_ms="40"), says("now"))
    assert ask(model, backoff=30.0).content == "now"
    assert "attempt 2 in 0.0 s" in caplog.text


def test_a_wait_that_is_too_long_is_unavailable_at_once(scripted_model: Script) -> None:
    model = scripted_model(fails(429, retry_after="3600"), says("never asked"))
    with pytest.raises(ModelUnavailable, match="429"):
        ask(model)
    assert len(model.requests) == 1


def test_a_wait_of_no_time_leaves_the_growing_pauses(scripted_model: Script, caplog: pytest.LogCaptureFixture) -> None:
    model = scripted_model(fails(429, retry_after="0"), fails(429, retry_after="0"), says("now"))
    with caplog.at_level(logging.WARNING):
        assert ask(model, backoff=0.1).content == "now"
    waits = [record.args[-1] for record in caplog.records if isinstance(record.args, tuple)]
    assert len(waits) == 2
    assert isinstance(waits[0], float) and isinstance(waits[1], float) and 0 < waits[0] < waits[1]


@pytest.mark.parametrize(
    ("stream", "endless"),
    [
        (True, b": still here\n\n"),
        (True, b'data: {"choices": [{"delta": {"content": "word "}, "finish_reason": null}]}\n\n'),
        (False, b" "),
    ],
)
def test_a_reply_without_end_is_broken_in_time(scripted_model: Script, stream: bool, endless: bytes) -> None:
    kind = {"Content-Type": "text/event-stream" if stream else "application/json"}
    model = scripted_model(Answer(b"", headers=kind, endless=endless))
    with pytest.raises(ModelReplyBroken, match="no whole reply within 0.3 seconds"):
        ask(model, stream=stream, timeout=0.3)
    assert len(model.requests) == 2, "asked once more, as after any broken reply"


@pytest.mark.parametrize(
    ("status", "words"),
    [(400, "context"), (401, "OPENAI_API_KEY"), (403, "OPENAI_API_KEY"), (404, "/v1"), (422, "refuses")],
)
def test_refusals_are_not_repeated_and_say_what_to_do(scripted_model: Script, status: int, words: str) -> None:
    model = scripted_model(fails(status, "no such thing"))
    with pytest.raises(ModelRefused) as caught:
        ask(model)
    assert len(model.requests) == 1
    assert caught.value.status == status
    assert words in str(caught.value)
    assert "gpt-5" in str(caught.value)
    assert "no such thing" in str(caught.value)


def test_nobody_at_the_address_is_said_with_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    settings = ModelSettings(base_url=url, default_model="gpt-5", backoff=0.001, max_retries=1)
    with pytest.raises(ModelUnavailable, match="OPENAI_BASE_URL http://127.0.0.1.* does not answer"):
        ModelClient(settings).complete(REQUEST)


@pytest.mark.parametrize(
    "answer",
    [
        raw('{"choices": []}'),
        raw("{}"),
        raw("null"),
        raw("<html>gateway</html>"),
        raw('{"choices": [{"index": 0}]}'),
        raw('{"choices": [{"message": {"tool_calls": [{"id": "x"}]}}]}'),
        raw('{"error": {"message": "out of credit"}}'),
        raw(""),
        cut(says("a long answer")),
    ],
)
def test_an_unusable_reply_is_asked_for_once_more_and_then_broken(scripted_model: Script, answer: Answer) -> None:
    model = scripted_model(answer)
    with pytest.raises(ModelReplyBroken, match="F-1/T-101/coder/1/3"):
        ask(model)
    assert len(model.requests) == 2


def test_a_reply_cut_short_once_is_mended_by_asking_again(scripted_model: Script) -> None:
    assert ask(scripted_model(cut(says("whole")), says("whole"))).content == "whole"


def test_a_replay_that_stops_the_run_is_not_asked_again(scripted_model: Script) -> None:
    body = {"error": {"message": "verdict: recorded '1 failed', now '2 failed'", "type": "replay_diverged"}}
    model = scripted_model(raw(json.dumps(body), 409))
    with pytest.raises(ReplayDiverged, match="recorded '1 failed', now '2 failed'"):
        ask(model)
    assert len(model.requests) == 1


def test_a_stream_is_put_together(scripted_model: Script) -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "bash", "arguments": '{"a"'}}
    more = {"index": 0, "function": {"arguments": ": 1}"}}
    model = scripted_model(
        streams(
            {"model": "m", "choices": [{"delta": {"role": "assistant", "content": "he"}}]},
            {"choices": [{"delta": {"content": "llo", "tool_calls": [call]}}]},
            {"choices": [{"delta": {"tool_calls": [more]}}]},
            {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]},
            {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}},
        )
    )
    reply = ask(model, stream=True)
    assert reply.content == "hello"
    assert reply.tool_calls == (ToolCall(id="c1", name="bash", arguments='{"a": 1}'),)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (7, 3)
    assert model.requests[0].body["stream_options"] == {"include_usage": True}


def test_a_stream_without_its_end_is_broken(scripted_model: Script) -> None:
    half = streams({"choices": [{"delta": {"content": "hel"}}]}, done=False)
    for answer in (half, cut(half, after=20), streams({"error": {"message": "overloaded"}})):
        with pytest.raises(ModelReplyBroken):
            ask(scripted_model(answer), stream=True)


def test_a_stream_that_splits_a_character_is_broken(scripted_model: Script) -> None:
    half = b'data: {"choices": [{"delta": {"content": "\xe2\x82"}, "finish_reason": null}]}\n\n'
    with pytest.raises(ModelReplyBroken, match="not UTF-8"):
        ask(scripted_model(Answer(half, headers={"Content-Type": "text/event-stream"})), stream=True)


def test_an_endpoint_that_refuses_response_format_gets_the_schema_as_text(scripted_model: Script) -> None:
    model = scripted_model(fails(400, "response_format is not supported"), says("{}"))
    request = REQUEST.model_copy(update={"response_schema": {"type": "object"}, "schema_name": "Plan"})
    with ModelClient(model.settings()) as client:
        client.complete(request)
        client.complete(request)
    first, second, third = (seen.body for seen in model.requests)
    assert first["response_format"]["json_schema"]["strict"] is True
    assert "response_format" not in second
    assert '{"type": "object"}' in second["messages"][-1]["content"]
    assert "response_format" not in third, "what the model refuses is remembered"


def test_without_a_key_the_request_still_goes_out(scripted_model: Script) -> None:
    model = scripted_model(says("hello"))
    assert ask(model, api_key=SecretStr("")).content == "hello"


def test_roles_use_their_own_model_or_the_default() -> None:
    settings = ModelSettings(base_url="http://x/v1", default_model="small", models={"coder": "big"})
    assert settings.model_for("coder") == "big"
    assert settings.model_for("planner") == "small"


def test_the_key_does_not_show_in_the_settings() -> None:
    settings = ModelSettings(base_url="http://x", default_model="m", api_key=SecretStr("the-key"))
    assert "the-key" not in repr(settings)


def test_every_error_of_the_sdk_has_a_translation() -> None:
    import httpx2

    asked = Asked("http://x/v1", "OPENAI_API_KEY", "m", "t")
    request = httpx2.Request("POST", "http://x/v1")
    for kind in _subclasses(openai.OpenAIError):
        error = kind.__new__(kind)
        error.__dict__.update(message="m", request=request, body={}, type=None, status_code=418)
        error.__dict__["response"] = httpx2.Response(418, request=request)
        assert isinstance(fault_of(error, asked).error, ModelError), kind


def _subclasses(kind: type[openai.OpenAIError]) -> list[type[openai.OpenAIError]]:
    return [kind, *(deep for sub in kind.__subclasses__() for deep in _subclasses(sub))]


def test_prices_are_found_without_provider_and_date_and_can_be_given() -> None:
    table = PriceTable({"gpt-5": Price(input_usd=1, output_usd=2)})
    for name in ("gpt-5", "openai/gpt-5", "openai/gpt-5-2025-08-07", "gpt-5-20250807", "gpt-5-latest"):
        assert table.cost_usd(name, 1_000_000, 1_000_000) == 3
    assert table.price("gpt-55") is None


def test_every_list_price_tells_where_and_when_it_was_seen() -> None:
    prices = list_prices()
    assert prices["gpt-5"].output_usd == 10
    assert all(price.source and price.as_of >= "2025" for price in prices.values())
    assert all((price.cached_usd or 0) <= price.input_usd <= price.output_usd for price in prices.values())


calls = st.builds(ToolCall, id=st.text(min_size=1), name=st.text(), arguments=st.text())
replies = st.builds(
    ModelReply,
    content=st.none() | st.text(min_size=1),
    tool_calls=st.lists(calls, max_size=3, unique_by=lambda call: call.id).map(tuple),
    finish_reason=st.sampled_from(["ended", "length", "content_filter"]),
    model=st.text(min_size=1),
    reasoning=st.none() | st.text(min_size=1),
    usage=st.builds(
        Usage,
        prompt_tokens=st.integers(1, 10**6),
        completion_tokens=st.integers(0, 10**6),
        cached_tokens=st.integers(0, 10**6),
        cost_usd=st.none(),
    ),
)


@given(replies)
def test_a_reply_survives_its_recording(reply: ModelReply) -> None:
    ending = reply.finish_reason if reply.finish_reason != "ended" else "tool_calls" if reply.tool_calls else "stop"
    reply = reply.model_copy(update={"finish_reason": ending})
    request = REQUEST.model_copy(update={"model": "unpriced"})
    entry = transcript_entry(request, reply)
    stored = json.loads(entry.model_dump_json())
    assert reply_from_completion(stored["reply"], request, PriceTable({})) == reply
    assert completion_from_reply(reply, request.turn) == stored["reply"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["choices", "message", "tool_calls", "function", "usage"]), inner, max_size=4)
    ),
)


@given(json_values)
def test_any_json_is_a_reply_or_a_broken_one(value: JsonValue) -> None:
    try:
        reply = reply_from_completion(value, REQUEST, PriceTable({}))
    except ModelReplyBroken as error:
        assert error.hint
    else:
        assert reply.usage.completion_tokens >= 0


def test_a_closed_client_can_be_used_again() -> None:
    with serving([says("one")]) as model:
        client = ModelClient(model.settings())
        client.complete(REQUEST)
        client.close()
        assert client.complete(REQUEST).content == "one"
        client.close()
