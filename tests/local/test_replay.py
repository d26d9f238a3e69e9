"""The replay server as the program that people start, and as an app; what it compares and what it lets pass."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from local.replay_server import TURN_HEADER, create_replay
from local.transcript import RecordedRequest, TranscriptEntry, TranscriptError, read_transcripts, write_transcript

TURN = "F-1/T-101/coder/1/2"


def call(name: str = "bash", arguments: str = '{"command": "ls /work/x"}', id: str = "c1") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def messages(**changes: Any) -> list[dict[str, Any]]:
    """A conversation of one step; the changes replace its parts."""
    given = {
        "system": "You code.",
        "user": "Task.\nVerdict: 1 failed, 2 passed in 0.31s\nSuite log.",
        "content": "I look.",
        "calls": [call()],
        "result": "Verdict: exit 0\na.txt",
        **changes,
    }
    return [
        {"role": "system", "content": given["system"]},
        {"role": "user", "content": given["user"]},
        {"role": "assistant", "content": given["content"], "tool_calls": given["calls"]},
        {"role": "tool", "content": given["result"], "tool_call_id": "c1"},
    ]


def tools(*names: str) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": name, "description": "", "parameters": {}}} for name in names]


def completion(content: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]}


def entry(turn: str = TURN, content: str = "recorded answer") -> TranscriptEntry:
    request = {"model": "m", "messages": messages(), "tools": tools("bash", "edit")}
    return TranscriptEntry(turn=turn, request=RecordedRequest.model_validate(request), reply=completion(content))


@pytest.fixture
def client() -> FlaskClient:
    entries = {one.turn: one for one in (entry(), entry("F-1/T-101/coder/1/3", "the next"))}
    return create_replay(entries).test_client()


def post(client: FlaskClient, turn: str | None = TURN, **changes: Any) -> TestResponse:
    body = {"model": "m", "messages": messages(), "tools": tools("bash", "edit"), **changes}
    return client.post("/v1/chat/completions", json=body, headers={TURN_HEADER: turn} if turn else {})


def report(client: FlaskClient) -> Any:
    return client.get("/replay/report").get_json()


def test_the_recorded_request_gets_the_recorded_completion(client: FlaskClient) -> None:
    answer = post(client)
    assert answer.status_code == 200
    assert answer.get_json() == completion("recorded answer")
    assert post(client, turn="F-1/T-101/coder/1/3").get_json()["choices"][0]["message"]["content"] == "the next"


def test_calls_and_repeats_are_counted(client: FlaskClient) -> None:
    post(client)
    post(client)
    found = report(client)
    assert found["entries"] == 2
    assert found["served"] == {TURN: 2}
    assert found["repeats"] == {TURN: 1}
    assert found["unused"] == ["F-1/T-101/coder/1/3"]


@pytest.mark.parametrize(
    "changes",
    [
        {"user": "Task.\nVerdict: 1 failed, 2 passed in 7.02s\nSuite log."},
        {"calls": [call(id="other")]},
        {"calls": [call(arguments='{"command":  "ls /tmp/elsewhere/y"}')]},
        {"content": [{"type": "text", "text": "I look."}]},
    ],
)
def test_times_paths_ids_and_spacing_do_not_count(client: FlaskClient, changes: dict[str, Any]) -> None:
    assert post(client, messages=messages(**changes)).status_code == 200
    assert report(client)["warnings"] == []


def test_another_model_or_other_descriptions_do_not_count(client: FlaskClient) -> None:
    other = tools("edit", "bash")
    other[0]["function"]["description"] = "Edits a file."
    assert post(client, model="another", tools=other, temperature=0).status_code == 200


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"user": "Task.\nVerdict: 2 failed, 1 passed in 0.31s"}, ["message 1 (user)", "1 failed", "2 failed"]),
        ({"user": "Task."}, ["message 1 (user)", "1 failed", "(nothing)"]),
        ({"result": "Verdict: exit 1\na.txt"}, ["message 3 (tool)", "exit 0", "exit 1"]),
        ({"result": "Verdict: exit 0\nVerdict: denied"}, ["message 3 (tool)", "(nothing)", "denied"]),
        ({"content": "I leap."}, ["assistant message 1 (message 2)", "I look.", "I leap."]),
        ({"calls": [call(name="edit")]}, ["assistant message 1", "bash(", "edit("]),
        ({"calls": [call(arguments='{"command": "rm"}')]}, ["assistant message 1", "rm"]),
        ({"calls": []}, ["assistant message 1", "bash("]),
    ],
)
def test_a_difference_that_counts_stops_the_run(client: FlaskClient, changes: dict[str, Any], words: list[str]) -> None:
    answer = post(client, messages=messages(**changes))
    assert answer.status_code == 409
    error = answer.get_json()["error"]
    assert error["type"] == "replay_diverged"
    assert answer.headers["X-Should-Retry"] == "false"
    for word in words:
        assert word in error["message"]
    found = report(client)
    assert len(found["mismatches"]) == 1
    assert found["served"] == {}


def test_a_missing_or_further_assistant_message_stops_the_run(client: FlaskClient) -> None:
    longer = [*messages(), {"role": "assistant", "content": "More."}]
    assert post(client, messages=longer).status_code == 409
    assert post(client, messages=messages()[:2]).status_code == 409


def test_other_tools_stop_the_run(client: FlaskClient) -> None:
    answer = post(client, tools=tools("bash"))
    assert answer.status_code == 409
    assert "the names of the tools: recorded 'bash, edit', now 'bash'" in answer.get_json()["error"]["message"]


def test_changed_wording_is_one_warning_with_its_difference(client: FlaskClient) -> None:
    changed = messages(system="You write code.", result="Verdict: exit 0\nb.txt")
    for turn in (TURN, TURN, "F-1/T-101/coder/1/3"):
        assert post(client, turn=turn, messages=changed).status_code == 200
    warnings = report(client)["warnings"]
    assert len(warnings) == 2
    assert "message 0 (system)" in warnings[0]
    assert "- You code. | + You write code." in warnings[0]
    assert "- a.txt | + b.txt" in warnings[1]


def test_a_further_user_message_without_a_verdict_is_a_warning(client: FlaskClient) -> None:
    longer = [*messages(), {"role": "user", "content": "Hurry."}]
    assert post(client, messages=longer).status_code == 200
    assert "+ Hurry." in report(client)["warnings"][0]


def test_a_verdict_within_a_line_is_only_wording(client: FlaskClient) -> None:
    user = "Task.\nVerdict: 1 failed, 2 passed in 0.31s\nSuite log. Verdict: 9 failed"
    assert post(client, messages=messages(user=user)).status_code == 200


def test_an_unknown_turn_names_the_nearest_ones(client: FlaskClient) -> None:
    answer = post(client, turn="F-1/T-101/coder/1/9")
    assert answer.status_code == 404
    assert answer.get_json()["error"]["type"] == "replay_unknown_turn"
    assert TURN in answer.get_json()["error"]["message"]
    assert report(client)["unknown"] == ["F-1/T-101/coder/1/9"]


def test_a_request_without_a_turn_is_told_of_the_header(client: FlaskClient) -> None:
    answer = post(client, turn=None)
    assert answer.status_code == 404
    assert TURN_HEADER in answer.get_json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"messages": 3}', b'{"messages": [1, null]}'])
def test_nonsense_is_refused_and_does_not_stop_the_server(client: FlaskClient, body: bytes) -> None:
    headers = {TURN_HEADER: TURN, "Content-Type": "application/json"}
    assert client.post("/v1/chat/completions", data=body, headers=headers).status_code in (400, 409)
    assert post(client).status_code == 200


def test_a_stream_says_the_same(client: FlaskClient) -> None:
    answer = post(client, stream=True)
    events = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert events[-1] == "[DONE]"
    deltas = [json.loads(event)["choices"] for event in events[:-1]]
    assert deltas[0][0]["delta"]["content"] == "recorded answer"
    assert deltas[1][0]["finish_reason"] == "stop"


def test_transcripts_survive_writing_and_reading(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    write_transcript(one, [entry("a/-/planner/1/1", "line\u2028separator"), entry("b/-/planner/1/1")])
    write_transcript(two, [entry("c/-/planner/1/1"), entry("b/-/planner/1/1")])
    assert list(read_transcripts([one, two])) == ["a/-/planner/1/1", "b/-/planner/1/1", "c/-/planner/1/1"]
    assert read_transcripts([one])["a/-/planner/1/1"] == entry("a/-/planner/1/1", "line\u2028separator")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "hold no entries"),
        ("{\n", "t.jsonl:1"),
        ('{"turn": "t"}\n', "request"),
        (entry().model_dump_json().replace('"version":1', '"version":2') + "\n", "version"),
        (entry().model_dump_json().replace('"choices"', '"choice"') + "\n", "no choices"),
        (entry().model_dump_json()[:-1] + ', "more": 1}\n', "more"),
        (entry().model_dump_json() + "\n" + entry(content="else").model_dump_json() + "\n", "t.jsonl:2: turn"),
    ],
)
def test_an_unusable_transcript_is_said_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(text)
    with pytest.raises(TranscriptError, match=words):
        read_transcripts([path])


class Program(NamedTuple):
    """A running `python -m local.replay`."""

    base_url: str
    log: Path


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("replay")
    write_transcript(folder / "one.jsonl", [entry()])
    write_transcript(folder / "two.jsonl", [entry("F-2/-/planner/1/1")])
    arguments = ["--transcript", "one.jsonl", "--transcript", "two.jsonl", "--port", "0", "--log", "replay.log"]
    # the module is found from the project's folder, the files from the temporary one
    paths = [str(folder / part) if part.endswith((".jsonl", ".log")) else part for part in arguments]
    process = subprocess.Popen([sys.executable, "-m", "local.replay", *paths], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        try:
            yield Program(json.loads(process.stdout.readline())["base_url"], folder / "replay.log")
        finally:
            process.terminate()
            assert process.wait(20) == 0


def test_the_program_serves_all_transcripts_and_logs(program: Program) -> None:
    answer = ask(program, "F-2/-/planner/1/1", messages(system="You write code."))
    assert answer.json() == completion("recorded answer")
    models = requests.get(f"{program.base_url}/models", timeout=20).json()
    assert [model["id"] for model in models["data"]] == ["m"]
    log = program.log.read_text()
    assert "served F-2/-/planner/1/1" in log
    assert "+ You write code." in log


def test_the_program_stops_a_run_that_differs(program: Program) -> None:
    answer = ask(program, TURN, messages(result="Verdict: exit 7"))
    assert answer.status_code == 409
    assert "exit 7" in answer.json()["error"]["message"]


def ask(program: Program, turn: str, conversation: list[dict[str, Any]]) -> requests.Response:
    body = {"model": "m", "messages": conversation, "tools": tools("bash", "edit")}
    headers = {TURN_HEADER: turn}
    return requests.post(f"{program.base_url}/chat/completions", json=body, headers=headers, timeout=20)


def test_the_program_says_what_is_wrong_with_a_transcript(tmp_path: Path) -> None:
    arguments = ["--transcript", str(tmp_path / "none.jsonl")]
    done = subprocess.run(
        [sys.executable, "-m", "local.replay", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "none.jsonl: cannot be read" in done.stderr
    assert done.stdout == ""
