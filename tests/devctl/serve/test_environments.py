"""Environments through the service, as programs without our SDK would use it."""

import base64
import io
import json
import tarfile
import time
from pathlib import Path

from devctl.fleet.fleet import Fleet
from devctl.fleet.records import User
from devctl.serve.server import Server
from tests.devctl.fleets import ADA, BOB, ROOT, wanted
from tests.devctl.serve.conftest import Callers
from tests.devctl.serve.services import Answer, Caller


def spec(backend: str, name: str, **more: object) -> dict[str, object]:
    return {"spec": wanted(backend, name, **more).model_dump(mode="json")}


def make(caller: Caller, backend: str, name: str, **more: object) -> Answer:
    return caller("POST", "/v1/environments", spec(backend, name, **more), Prefer="wait=60")


def output_of(caller: Caller, name: str, script: str) -> str:
    answer = caller("POST", f"/v1/environments/{name}/execs", {"argv": ["sh", "-c", script], "wait": True})
    assert answer.status == 200, answer.body
    return str(answer.json["output"])


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def test_made_listed_used_and_removed(as_user: Callers, backend: str) -> None:
    ada = as_user(ADA)
    made = make(ada, backend, "blog", labels={"team": "a"})
    assert (made.status, made.json["phase"], made.json["owner"]) == (201, "running", "ada")
    assert output_of(ada, "blog", "echo hello; exit 3") == "hello\n"
    page = ada("GET", "/v1/environments?label=team=a&phase=running").json
    assert [one["name"] for one in page["items"]] == ["blog"] and page["next"] is None and page["total"] == 1
    assert ada("GET", "/v1/environments?label=team=b").json["items"] == []
    assert ada("GET", "/v1/environments?gpu=true").json["items"] == []
    again = make(ada, backend, "blog")
    assert (again.status, again.json["kind"]) == (409, "NameTaken")
    assert ada("POST", "/v1/environments/blog/stop", {}).json["phase"] == "stopped"
    refused = ada("POST", "/v1/environments/blog/execs", {"argv": ["true"], "wait": True})
    assert (refused.status, refused.json["kind"]) == (409, "NotRunning")
    assert ada("POST", "/v1/environments/blog/start", Prefer="wait=60").json["phase"] == "running"
    assert ada("POST", "/v1/environments/blog/pause").json["phase"] == "paused"
    assert ada("DELETE", "/v1/environments/blog").status == 204
    assert ada("GET", "/v1/environments/blog").status == 404


def test_others_environments_are_not_there_and_viewers_only_look(as_user: Callers, backend: str) -> None:
    assert make(as_user(ADA), backend, "hers").status == 201
    bob, root, viewer = as_user(BOB), as_user(ROOT), as_user(User(name="ada", role="viewer"))
    assert bob("GET", "/v1/environments/hers").status == 404
    assert bob("GET", "/v1/environments?all_users=true").json["items"] == []
    assert root("GET", "/v1/environments?all_users=true").json["total"] == 1
    assert viewer("GET", "/v1/environments/hers").status == 200
    for method, path, body in (
        ("DELETE", "", None), ("POST", "/stop", {}), ("POST", "/execs", {"argv": ["true"], "wait": True}),
    ):  # fmt: skip
        assert viewer(method, f"/v1/environments/hers{path}", body).status == 403
    assert make(viewer, backend, "new").status == 403


def test_same_key_is_the_same_launch_and_another_request_under_it_is_refused(as_user: Callers, backend: str) -> None:
    ada = as_user(ADA)
    first = ada("POST", "/v1/environments", spec(backend, "once"), Idempotency_Key=f"k-{backend}")
    second = ada("POST", "/v1/environments", spec(backend, "once"), Idempotency_Key=f"k-{backend}", Prefer="wait=60")
    assert first.status == 202 and second.status == 201
    assert first.headers["location"] == second.headers["location"]
    other = ada("POST", "/v1/environments", spec(backend, "twice"), Idempotency_Key=f"k-{backend}")
    assert (other.status, f"k-{backend}" in other.json["message"]) == (422, True)
    assert ada("GET", "/v1/environments").json["total"] == 1
    steps = ada.lines(f"{first.headers['location']}/events")
    assert [one["number"] for one in steps] == list(range(1, len(steps) + 1)) and "once" in steps[0]["text"]
    assert as_user(BOB)("GET", first.headers["location"]).status == 404


def test_list_is_cut_into_pages_and_known_by_its_tag(live: Server, fleet: Fleet, as_user: Callers) -> None:
    for name in ("c", "a", "b"):
        fleet.parts.admission.reserve(ADA, wanted("docker", name), 60)
    ada = as_user(ADA)
    first = ada("GET", "/v1/environments?limit=2")
    assert ([one["name"] for one in first.json["items"]], first.json["next"]) == (["a", "b"], "b")
    last = ada("GET", "/v1/environments?limit=2&after=b").json
    assert ([one["name"] for one in last["items"]], last["next"]) == (["c"], None)
    same = ada("GET", "/v1/environments?limit=2", If_None_Match=first.headers["etag"])
    assert (same.status, same.body) == (304, b"")


def test_command_is_a_stream_both_ways(as_user: Callers, backend: str) -> None:
    ada = as_user(ADA)
    make(ada, backend, "talk")
    script = "read line; echo got $line; echo oops >&2; cat; exit 7"
    begun = ada("POST", "/v1/environments/talk/execs", {"argv": ["sh", "-c", script]})
    assert begun.status == 201
    place = begun.headers["location"]
    assert as_user(BOB)("GET", place).status == 404
    assert ada("POST", f"{place}/input", b"one\n", Content_Type="application/octet-stream").status == 204
    sent = ada("POST", f"{place}/input?end=true", b"rest", Content_Type="application/octet-stream")
    assert sent.status == 204
    events = ada.lines(f"{place}/output")
    assert events[-1]["exit_code"] == 7
    out = b"".join(base64.b64decode(one["data"]) for one in events if one.get("stream") == 1)
    err = b"".join(base64.b64decode(one["data"]) for one in events if one.get("stream") == 2)
    assert (out, err) == (b"got one\nrest", b"oops\n")
    assert ada.lines(f"{place}/output?after={events[-2]['number']}") == [events[-1]]
    assert ada("GET", place).json["exit_code"] == 7


def test_terminal_has_the_callers_size_and_can_be_ended(as_user: Callers, backend: str) -> None:
    ada = as_user(ADA)
    make(ada, backend, "term")
    script = "while :; do stty size; sleep 0.1; done"
    wish = {"argv": ["sh", "-c", script], "tty": True, "rows": 33, "columns": 99}
    place = ada("POST", "/v1/environments/term/execs", wish).headers["location"]
    with ada.stream(f"{place}/output?format=raw") as output:
        while output.readline().strip() != b"33 99":
            pass
        assert ada("POST", f"{place}/resize", {"rows": 10, "columns": 20}).status == 204
        while output.readline().strip() != b"10 20":
            pass
        assert ada("DELETE", place).status == 204
        output.read()
    assert ada("GET", place).status == 404


def test_files_go_in_and_out_as_archives(as_user: Callers, backend: str, tmp_path: Path) -> None:
    ada = as_user(ADA)
    make(ada, backend, "files")
    put = ada("PUT", "/v1/environments/files/files?path=in", archive({"a/b": b"one"}), Content_Type="application/x-tar")
    assert (put.status, put.json) == (200, {"left_out": []})
    assert output_of(ada, "files", "cat in/a/b; ln -s /etc in/out") == "one"
    got = ada("GET", "/v1/environments/files/files?path=in")
    assert json.loads(got.headers["devctl-left-out"]) == ["out"]
    with tarfile.open(fileobj=io.BytesIO(got.body)) as opened:
        assert opened.extractfile("in/a/b").read() == b"one"  # type: ignore[union-attr] # a file
    for name in ("../up", "/abs", "a/../../up"):
        bad = ada("PUT", "/v1/environments/files/files", archive({name: b"x"}), Content_Type="application/x-tar")
        assert (bad.status, bad.json["kind"]) == (422, "PathRefused"), name
    assert ada("PUT", "/v1/environments/files/files", b"junk" * 500, Content_Type="application/x-tar").status == 422


def test_launch_with_a_tree_and_a_secret_of_the_caller(live: Server, as_user: Callers, backend: str) -> None:
    ada = as_user(ADA)
    upload = ada("POST", "/v1/uploads", archive({"note": b"hello"}), Content_Type="application/x-tar").json["id"]
    assert as_user(BOB)("POST", "/v1/environments", {**spec(backend, "x"), "tree": upload}).status == 404
    wish = {**spec(backend, "full"), "tree": upload, "secrets": {"key": base64.b64encode(b"s3cret").decode()}}
    made = ada("POST", "/v1/environments", wish, Prefer="wait=60")
    assert made.status == 201, made.body
    assert output_of(ada, "full", "cat note; cat /run/secrets/key") == "hellos3cret"
    assert b"s3cret" not in ada("GET", "/v1/environments/full").body
    assert ada("POST", "/v1/environments", {**spec(backend, "y"), "tree": upload}).status == 404  # used once


def test_caller_that_goes_away_does_not_break_the_launch(as_user: Callers, backend: str) -> None:
    ada = as_user(ADA)
    connection = ada.connection()
    headers = {"Authorization": f"Bearer {ada.token}", "Content-Type": "application/json", "Prefer": "wait=60"}
    connection.request("POST", "/v1/environments", json.dumps(spec(backend, "left")).encode(), headers)
    while ada("GET", "/v1/environments/left").status == 404:
        time.sleep(0.01)
    connection.close()
    while (phase := ada("GET", "/v1/environments/left").json["phase"]) == "creating":
        time.sleep(0.05)
    assert phase == "running"
