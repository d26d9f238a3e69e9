"""The proxy through which agents with a loop of their own reach the model."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from openai import BadRequestError, OpenAI

from tools.chat import ModelReply, ModelRequest, ToolCall, Usage
from tools.errors import ProxyRefused
from tools.model_proxy import ModelProxy, request_of

USAGE = Usage(prompt_tokens=7, completion_tokens=3, cost_usd=None)


def reply(content: str | None = "hello", *calls: ToolCall) -> ModelReply:
    return ModelReply(
        content=content, tool_calls=calls, finish_reason="tool_calls" if calls else "stop", usage=USAGE, model="m"
    )


def asking(how: Callable[[ModelRequest], ModelReply], ask: Callable[[OpenAI], Any]) -> Any:
    """Have a client ask through a proxy that is answered in this thread, and return what it got."""
    got: list[Any] = []
    over = threading.Event()
    with ModelProxy("the-model") as proxy:

        def run() -> None:
            try:
                client = OpenAI(base_url=f"http://127.0.0.1:{proxy.port}/v1", api_key=proxy.key, max_retries=0)
                got.append(ask(client))
            except BadRequestError as fault:
                got.append(fault)
            finally:
                over.set()

        thread = threading.Thread(target=run)
        thread.start()
        proxy.answer(how, over)
        thread.join()
    return got[0]


def test_whole_and_streamed_replies_say_the_same() -> None:
    call = ToolCall(id="c1", name="bash", arguments='{"command": "ls"}')

    def whole(client: OpenAI) -> Any:
        return client.chat.completions.create(model="x", messages=[{"role": "user", "content": "hi"}])

    def stream(client: OpenAI) -> Any:
        messages: Any = [{"role": "developer", "content": "rules"}, {"role": "user", "content": "hi"}]
        return list(client.chat.completions.create(model="x", messages=messages, stream=True))

    seen: list[ModelRequest] = []

    def answer(request: ModelRequest) -> ModelReply:
        seen.append(request)
        return reply("text", call)

    said = asking(answer, whole)
    assert (said.choices[0].message.content, said.choices[0].message.tool_calls[0].id) == ("text", "c1")
    chunks = asking(answer, stream)
    delta = chunks[0].choices[0].delta
    assert (delta.content, delta.tool_calls[0].function.arguments) == ("text", '{"command": "ls"}')
    assert (chunks[1].choices[0].finish_reason, chunks[2].usage.prompt_tokens) == ("tool_calls", 7)
    assert [message.role for message in seen[1].messages] == ["system", "user"]
    assert seen[1].model == "the-model"


def test_a_request_whose_client_has_hung_up_costs_nothing() -> None:
    seen: list[str | None] = []
    asked, hung_up = threading.Event(), threading.Event()

    def answer(request: ModelRequest) -> ModelReply:
        seen.append(request.messages[0].content)
        if seen == ["first"]:
            asked.set()
            hung_up.wait(20)
        return reply()

    def ask(client: OpenAI) -> Any:
        def post(text: str, seconds: float) -> int:
            body = {"messages": [{"role": "user", "content": text}]}
            headers = {"Authorization": f"Bearer {client.api_key}"}
            url = f"{client.base_url}chat/completions"
            return requests.post(url, json=body, headers=headers, timeout=seconds).status_code

        patient = threading.Thread(target=post, args=("first", 20))
        patient.start()
        assert asked.wait(20)
        with pytest.raises(requests.Timeout):
            post("hurried", 0.2)
        hung_up.set()
        patient.join()
        return post("hurried again", 20)

    assert asking(answer, ask) == 200
    assert seen == ["first", "hurried again"]


def test_refusal_reaches_the_agent_and_ends_all_further_calls() -> None:
    def answer(request: ModelRequest) -> ModelReply:
        raise ProxyRefused("the cap on steps is reached")

    def twice(client: OpenAI) -> Any:
        messages: Any = [{"role": "user", "content": "hi"}]
        faults = []
        for _ in range(2):
            with pytest.raises(BadRequestError) as refused:
                client.chat.completions.create(model="x", messages=messages)
            faults.append(str(refused.value))
        return faults

    assert all("cap on steps" in text for text in asking(answer, twice))


def test_error_of_ours_goes_on_to_the_caller_and_not_to_the_agent() -> None:
    def answer(request: ModelRequest) -> ModelReply:
        raise LookupError("a secret of ours")

    heard: list[str] = []

    def ask(client: OpenAI) -> Any:
        with pytest.raises(BadRequestError) as refused:
            client.chat.completions.create(model="x", messages=[{"role": "user", "content": "hi"}])
        heard.append(str(refused.value))
        return None

    with pytest.raises(LookupError):
        asking(answer, ask)
    assert "secret" not in "".join(heard)


def test_wrong_key_and_wrong_route_are_refused() -> None:
    with ModelProxy("m") as proxy:
        for path, key, status in (("chat/completions", "wrong", 401), ("embeddings", proxy.key, 404)):
            headers = {"Authorization": f"Bearer {key}"}
            answer = requests.post(f"http://127.0.0.1:{proxy.port}/v1/{path}", data=b"{}", headers=headers, timeout=60)
            assert answer.status_code == status


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "tools", "messages", "id"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_body_is_a_request_or_refused(body: Any) -> None:
    try:
        request = request_of(body, "m")
    except ProxyRefused:
        return
    assert json.loads(request.model_dump_json())["model"] == "m"
