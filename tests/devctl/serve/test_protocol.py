"""What the service says of itself and of requests that do not fit."""

import json
from pathlib import Path

import pytest

from devctl.serve.app import document
from devctl.serve.server import Server
from scripts.source import ROOT as HOUSE
from tests.devctl.fleets import ADA
from tests.devctl.serve.services import Caller, token_of


def ada(server: Server) -> Caller:
    return Caller(server.url, token_of(server, ADA))


def test_openapi_document_is_in_step() -> None:
    committed = Path(HOUSE / "docs/devctl-openapi.json").read_text()
    assert committed == json.dumps(document(), indent=1, sort_keys=True) + "\n", "run python -m scripts.devctl_openapi"


def test_every_path_but_the_open_ones_says_that_it_needs_a_token(away: Server) -> None:
    found = Caller(away.url)("GET", "/openapi.json").json
    assert found == document()
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            assert (operation.get("security") == [{"token": []}]) == path.startswith("/v1/"), (method, path)
            shown = Caller(away.url)(method.upper(), path.replace("{", "").replace("}", ""))
            assert (shown.status == 401) == path.startswith("/v1/"), (method, path)


def test_alive_without_an_engine_and_says_what_is_away(away: Server) -> None:
    assert Caller(away.url)("GET", "/healthz").body == b"ok\n"
    ready = Caller(away.url)("GET", "/readyz")
    parts = {part["name"]: part for part in ready.json["parts"]}
    assert (ready.status, parts["database"]["ready"], parts["host local"]["ready"]) == (503, True, False)
    assert parts["host local"]["detail"]


def test_answers_carry_headers_that_keep_browsers_from_mischief(away: Server) -> None:
    headers = ada(away)("GET", "/v1/me", Origin="https://evil.example").headers
    assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store" and "default-src 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers and "server" not in headers
    asked = ada(away)("OPTIONS", "/v1/environments", Origin="https://evil.example", Access_Control_Request_Method="GET")
    assert "access-control-allow-origin" not in asked.headers


def test_requests_that_do_not_fit_are_problems(away: Server) -> None:
    caller = ada(away)
    wrong = caller("POST", "/v1/environments", {"spec": {"name": "Not A Name", "image": "x"}, "colour": "red"})
    assert (wrong.status, wrong.json["kind"]) == (422, "RequestInvalid")
    assert any("spec.name" in field for field in wrong.json["fields"]) and any(
        "colour" in field for field in wrong.json["fields"]
    )
    assert caller("POST", "/v1/environments", b"{", Content_Type="application/json").status in (400, 422)
    assert caller("GET", "/v1/nothing").json["kind"] == "NoSuchPath"
    assert caller("PATCH", "/v1/environments").status == 405
    assert caller("GET", "/v1/environments?colour=red").status == 422
    assert caller("GET", "/v1/environments/none").json["hint"] == "`devctl ls` lists them"
    large = caller("POST", "/v1/environments", {"source": "x" * 20_000})
    assert (large.status, large.json["kind"]) == (413, "BodyTooLarge")
    assert large.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/audit?who=a%00b", None),
        ("GET", "/v1/environments?label=a%00=b", None),
        ("GET", "/v1/environments?label=a=b&label=a%00=b", None),
        ("GET", "/v1/environments/a%00b", None),
        ("POST", "/v1/environments", {"spec": {"name": "x", "image": "i", "labels": {"a\0b": "c"}}}),
        ("POST", "/v1/scans", {"image": "a\0b"}),
    ],
)
def test_texts_that_no_database_holds_are_refused(away: Server, method: str, path: str, body: object) -> None:
    answer = ada(away)(method, path, body)
    assert answer.status == 422 and "NUL" in answer.json["detail"], answer.body


def test_a_backslash_before_u0000_is_no_nul(away: Server) -> None:
    assert "NUL" not in ada(away)("POST", "/v1/scans", {"image": r"a\u0000b"}).json["detail"]


def test_no_path_of_a_caller_makes_a_line_of_the_log(away: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "devctl.serve.app"):
        ada(away)("GET", "/v1/environments/a%0A2026-01-01%20forged")
    assert any("a%0A2026-01-01%20forged" in line for line in caplog.messages)
    assert not any("\n" in line for line in caplog.messages)


def test_sources_and_secrets_never_name_files_of_the_services_machine(away: Server) -> None:
    caller = ada(away)
    for source in ("/etc", ".", "file:///etc", "/etc#main", "~", "../x"):
        refused = caller("POST", "/v1/environments", {"source": source})
        assert (refused.status, refused.json["kind"]) == (422, "RequestInvalid"), source
    secret = {"name": "x", "source": "/etc/shadow"}
    spec = {"name": "a", "image": "b", "secrets": [secret]}
    assert caller("POST", "/v1/environments", {"spec": spec}).status == 422
    assert caller("POST", "/v1/environments", {"source": "debian:12", "overrides": {"secrets": [secret]}}).status == 422
    assert caller("POST", "/v1/environments", {}).status == 422


def test_engine_that_is_away_is_said_with_what_to_do(away: Server) -> None:
    caller = ada(away)
    begun = caller("POST", "/v1/environments", {"spec": {"name": "gone", "image": "debian:12"}})
    assert begun.status == 202
    ended = caller("GET", f"{begun.headers['location']}?wait=30").json
    assert (ended["state"], ended["error"]["kind"], ended["error"]["status"]) == ("failed", "HostUnreachable", 503)
    assert ended["error"]["hint"]
    assert caller("DELETE", "/v1/environments/gone?force=true").status == 204
