"""Replies as servers really send them: each case names the server, and the issue where one is known."""

import json
from typing import Any

import pytest

from tests.tools.scripted import fails, raw, says, serving, streams
from tests.tools.test_model_lessons import BASH, HISTORY
from tools.errors import ModelRefused
from tools.model import Message, ModelClient, ModelReply, ModelRequest, ToolCall
from tools.streaming import assemble

REQUEST = ModelRequest(turn="F-1/T-101/coder/1/3", model="m", messages=HISTORY[:2], tools=(BASH,))
LS = '{"command": "ls"}'


def reply_to(message: dict[str, Any], finish: str | None = "stop", **more: Any) -> ModelReply:
    body = {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish}], **more}
    with serving([raw(json.dumps(body))]) as model, ModelClient(model.settings()) as client:
        return client.complete(REQUEST)


def call(function: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": function, **more}]}


MESSAGES = {
    "arguments as an object (Ollama)": call({"name": "bash", "arguments": {"command": "ls"}}, id="a"),
    "no id": call({"name": "bash", "arguments": LS}),
    "an empty id": call({"name": "bash", "arguments": LS}, id=""),
    "before tools": {"role": "assistant", "content": None, "function_call": {"name": "bash", "arguments": LS}},
    "in the content, marked": {"content": f'<tool_call>\n{{"name": "bash", "arguments": {LS}}}\n</tool_call>'},
    "in the content, bare (sgomez/ollama-ai-provider#11)": {"content": f'{{"name": "bash", "arguments": {LS}}}'},
    "an empty list of calls beside a call in the content": {
        "content": f'```json\n{{"name": "bash", "arguments": {LS}}}\n```',
        "tool_calls": [],
    },
    "swallowed by the reasoning (vllm-project/vllm#39056)": {
        "content": None,
        "reasoning_content": f'I look.\n<tool_call>{{"name": "bash", "arguments": {LS}}}</tool_call>',
    },
    "after the thoughts": {
        "content": f'<think>I look.</think>\n<tool_call>{{"name": "bash", "arguments": {LS}}}</tool_call>'
    },
}


@pytest.mark.parametrize("finish", ["stop", "tool_calls", None, "function_call"])
@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_a_call_is_found_wherever_it_stands(message: dict[str, Any], finish: str | None) -> None:
    reply = reply_to(message, finish)
    assert [(one.name, json.loads(one.arguments)) for one in reply.tool_calls] == [("bash", {"command": "ls"})]
    assert reply.tool_calls[0].id
    assert reply.finish_reason == "tool_calls"
    assert reply.content is None


def test_an_end_with_calls_but_without_any_is_a_stop() -> None:
    """vllm-project/vllm#53255."""
    reply = reply_to({"content": "done", "tool_calls": []}, "tool_calls")
    assert (reply.finish_reason, reply.tool_calls) == ("stop", ())


def test_calls_with_the_same_id_are_told_apart() -> None:
    one = {"id": "call_0", "type": "function", "function": {"name": "bash", "arguments": LS}}
    reply = reply_to({"content": None, "tool_calls": [one, one]})
    assert len({call.id for call in reply.tool_calls}) == 2


@pytest.mark.parametrize(
    ("message", "content", "reasoning"),
    [
        ({"content": "<think>\nhm\n</think>\n\nHello"}, "Hello", "hm"),
        ({"content": "hm, so\n</think>\nHello"}, "Hello", "hm, so"),
        ({"content": "<think>never ends"}, None, "never ends"),
        ({"content": "Hello", "reasoning_content": "hm"}, "Hello", "hm"),
        ({"content": "Hello", "reasoning": "hm"}, "Hello", "hm"),
        ({"content": None, "reasoning_content": "all of it"}, None, "all of it"),
        ({"content": '{"a": "</think>"}'}, '{"a": "</think>"}', None),
        ({"content": [{"type": "text", "text": "Hello"}]}, "Hello", None),
    ],
)
def test_thoughts_are_kept_apart(message: dict[str, Any], content: str | None, reasoning: str | None) -> None:
    reply = reply_to(message)
    assert (reply.content, reply.reasoning) == (content, reasoning)


@pytest.mark.parametrize(
    ("usage", "cached"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 40}}, 40),
        ({"prompt_cache_hit_tokens": 40, "prompt_cache_miss_tokens": 60}, 40),
        ({"cached_tokens": 40}, 40),
        ({"cache_read_input_tokens": 40, "cache_creation_input_tokens": 0}, 40),
        ({"prompt_tokens_details": None}, 0),
    ],
    ids=["OpenAI", "DeepSeek", "Moonshot", "Anthropic through gateways", "null"],
)
def test_cached_tokens_are_read_from_each_field(usage: dict[str, Any], cached: int) -> None:
    reply = reply_to({"content": "x"}, usage={"prompt_tokens": 100, "completion_tokens": 1, **usage})
    assert reply.usage.cached_tokens == cached


def test_a_usage_of_zero_is_no_count() -> None:
    reply = reply_to({"content": "x"}, usage={"prompt_tokens": 0, "completion_tokens": 0})
    assert reply.usage.estimated
    assert reply.usage.prompt_tokens > 0


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def piece(arguments: Any = "", name: str | None = None, **more: Any) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": name} if name is not None else {})}
    return delta(tool_calls=[{"function": function, **more}])


A, B = '{"path": "a.rs"}', '{"path": "b.rs"}'
STREAMS = {
    "no index (ollama/ollama#7881)": [piece(A, "edit", id="x"), piece(B, "edit", id="y")],
    "no index and no id": [piece(A, "edit"), piece(B, "edit")],
    "all with index 0 (ollama/ollama#15457)": [piece(A, "edit", id="x", index=0), piece(B, "edit", id="y", index=0)],
    "both in one chunk without index": [
        delta(tool_calls=[{"id": n, "function": {"name": "edit", "arguments": a}} for n, a in (("x", A), ("y", B))])
    ],
    "in pieces, the id in each": [
        piece(A[:5], "edit", id="x", index=0),
        piece(A[5:], id="x", index=0),
        piece(B[:5], "edit", id="y", index=1),
        piece(B[5:], id="y", index=1),
    ],
    "the name in each piece": [
        piece(A[:5], "edit", index=0),
        piece(A[5:], "edit", index=0),
        piece(B, "edit", index=1),
    ],
    "interleaved": [
        piece("", "edit", id="x", index=0),
        piece("", "edit", id="y", index=1),
        piece(A, index=0),
        piece(B, index=1),
    ],
    "the arguments said again at the end": [
        piece(A[:5], "edit", id="x", index=0),
        piece(A[5:], index=0),
        piece(A, index=0),
        piece(B, "edit", id="y", index=1),
    ],
    "arguments as an object": [piece({"path": "a.rs"}, "edit", index=0), piece({"path": "b.rs"}, "edit", index=1)],
    "the id after the name (continuedev/continue#13235)": [
        piece("", "edit", index=0),
        piece(A, id="x", index=0),
        piece(B, "edit", id="y", index=1),
    ],
}


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS)
def test_streamed_calls_are_put_together_and_told_apart(chunks: list[dict[str, Any]]) -> None:
    whole: Any = assemble([*chunks, delta("tool_calls")])
    functions = [one["function"] for one in whole["choices"][0]["message"]["tool_calls"]]
    assert [function["name"] for function in functions] == ["edit", "edit"]
    assert [json.loads(function["arguments"]) for function in functions] == [json.loads(A), json.loads(B)]


def test_what_a_stream_repeats_at_its_end_is_said_once() -> None:
    text = "The whole answer in one sentence."
    whole: Any = assemble([delta(content=text[:10]), delta(content=text[10:]), delta("stop", content=text)])
    assert whole["choices"][0]["message"]["content"] == text
    laughing: Any = assemble([delta(content="ha"), delta(content="ha"), delta("stop")])
    assert laughing["choices"][0]["message"]["content"] == "haha", "short repetitions are meant"


def test_streamed_thoughts_and_a_last_whole_message_are_read() -> None:
    whole: Any = assemble(
        [delta(reasoning_content="hm"), {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}]
    )
    message = whole["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("hm", "Hi")


def test_an_endpoint_with_responses_alone_is_asked_there() -> None:
    response = {
        "model": "gpt-5-codex",
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "I look."}]},
            {"type": "function_call", "call_id": "c1", "name": "bash", "arguments": LS},
        ],
        "usage": {"input_tokens": 50, "output_tokens": 9, "input_tokens_details": {"cached_tokens": 7}},
    }
    refusal = fails(404, "This model is only supported in v1/responses and not in v1/chat/completions.")
    request = REQUEST.model_copy(update={"messages": HISTORY})
    with serving([refusal, raw(json.dumps(response))]) as model, ModelClient(model.settings()) as client:
        reply = client.complete(request)
        client.complete(request)
    assert reply.tool_calls == (ToolCall(id="c1", name="bash", arguments=LS),)
    assert (reply.content, reply.reasoning, reply.finish_reason) == ("I look.", "hm", "tool_calls")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.cached_tokens) == (50, 9, 7)
    assert model.calls == ["POST /v1/chat/completions", "POST /v1/responses", "POST /v1/responses"]
    body = model.requests[1].body
    kinds = [item.get("type") or item["role"] for item in body["input"]]
    outputs = ["function_call_output", "function_call_output"]
    assert kinds == ["system", "user", "function_call", "function_call", *outputs, "user"]
    assert (body["store"], body["tools"][0]["name"]) == (False, "bash")


def test_a_missing_route_is_tried_as_responses_and_forgotten_when_that_fails_too() -> None:
    with serving([fails(404, "Not Found"), fails(404, "Not Found")]) as model, ModelClient(model.settings()) as client:
        with pytest.raises(ModelRefused, match="does not know it"):
            client.complete(REQUEST)
        assert client.traits("m").api == "chat"
    assert model.calls == ["POST /v1/chat/completions", "POST /v1/responses"]


def test_a_message_without_text_and_calls_goes_out_with_an_empty_text() -> None:
    messages = (*HISTORY[:2], Message(role="assistant", content=None), Message(role="user", content="Go on."))
    with serving([says("ok")]) as model, ModelClient(model.settings()) as client:
        client.complete(REQUEST.model_copy(update={"messages": messages}))
    assert model.requests[0].body["messages"][2]["content"] == ""


def test_a_stream_in_which_a_model_writes_its_calls_as_text_is_read() -> None:
    text = f'<tool_call>{{"name": "bash", "arguments": {LS}}}</tool_call>'
    answer = streams(delta(content=text[:20]), delta(content=text[20:]), delta("stop"))
    with serving([answer]) as model, ModelClient(model.settings(stream=True)) as client:
        reply = client.complete(REQUEST)
    assert reply.tool_calls[0].name == "bash"
    assert reply.usage.estimated
