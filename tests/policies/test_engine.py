"""Failing closed, dry runs, extra rules, and the OPA server's ways of being away."""

import logging
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from policies import (
    Action,
    DevctlQuestion,
    DevctlUser,
    PolicySettings,
    RepositoryRules,
    RulesInvalid,
    open_engine,
)  # fmt: skip
from policies.errors import EngineFailed
from policies.in_process import InProcess
from policies.ruleset import load_rules
from tests.policies.opa_server import OpaProcess

EDIT = Action(role="coder", tool="edit", paths=("a.py",))
ANN, BOB = DevctlUser(name="ann", tier="free"), DevctlUser(name="bob", tier="free")
PUSH = Action(role="coder", tool="push", arguments={"branch": "feature/F-1"})


def extra(folder: Path, rules: str = "", data: str = "") -> PolicySettings:
    if rules:
        (folder / "more.rego").write_text(f"package roadcrew\n\nimport rego.v1\n\n{rules}\n", encoding="utf-8")
    if data:
        (folder / "data.yaml").write_text(f"roadcrew_data:\n{data}\n", encoding="utf-8")
    return PolicySettings(extra_rules=folder)


def test_dry_run_logs_and_allows(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "policies"):
        decision = open_engine(PolicySettings(dry_run=True)).decide(PUSH)
    assert (decision.allowed, decision.dry_run) == (True, True)
    assert "leave it to the integrator" in decision.reasons[0]
    assert "would deny 'push' to 'coder'" in caplog.text


def test_dry_run_of_what_is_allowed_is_no_dry_run() -> None:
    decision = open_engine(PolicySettings(dry_run=True)).decide(EDIT)
    assert (decision.allowed, decision.dry_run, decision.reasons) == (True, False, ())


def test_extra_rule_adds_a_reason(tmp_path: Path) -> None:
    engine = open_engine(extra(tmp_path, 'deny contains "no friday edits: wait" if input.tool == "edit"'))
    assert engine.decide(EDIT).reasons == ("no friday edits: wait",)


def test_extra_data_replaces_a_key(tmp_path: Path) -> None:
    engine = open_engine(extra(tmp_path, data="  max_file_bytes: 3\n  denied_packages: {left-pad: write it out}"))
    asked = Action(role="coder", tool="request_dependency", packages=("Left_Pad",))
    assert "write it out" in engine.decide(asked).reasons[0]
    assert engine.decide(EDIT).allowed


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("deny contains reason if {", "more.rego"),
        ("deny[msg] { true }", "if"),
        ('deny contains "x" if http.send({})', "http.send"),
        ('deny contains "x" if undefined_thing == 1', "undefined_thing"),
    ],
)
def test_extra_rules_that_cannot_work_are_refused_at_once(tmp_path: Path, rules: str, words: str) -> None:
    with pytest.raises(RulesInvalid, match=re.escape(words)) as caught:
        open_engine(extra(tmp_path, rules))
    assert "backtrace" not in str(caught.value).lower()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("  max_file_bytes: many", "max_file_bytes"),
        ("  no_such_key: 1", "no_such_key"),
        ("  docs_paths: ['[a-z']", "is no pattern"),
        ("  docs_paths: [", "no YAML"),
        ("  - 1", "keys roadcrew_data and devctl_data alone"),
    ],
)
def test_extra_data_that_cannot_work_is_refused(tmp_path: Path, data: str, words: str) -> None:
    with pytest.raises(RulesInvalid, match=words):
        open_engine(extra(tmp_path, data=data))


def test_missing_folder_of_extra_rules_is_named(tmp_path: Path) -> None:
    with pytest.raises(RulesInvalid, match="nowhere"):
        open_engine(PolicySettings(extra_rules=tmp_path / "nowhere"))


def test_rule_that_fails_denies_in_a_dry_run_too(tmp_path: Path) -> None:
    settings = extra(tmp_path, 'deny contains "x" if { input.tool == "edit"; to_number(input.role) > 1 }')
    decision = open_engine(settings.model_copy(update={"dry_run": True})).decide(EDIT)
    assert not decision.allowed
    assert decision.reasons[0].startswith("no decision: the rules cannot be evaluated: extra/more.rego")


def test_answer_of_another_form_denies(tmp_path: Path) -> None:
    engine = open_engine(extra(tmp_path, 'deny contains {"code": 1} if input.tool == "edit"'))
    decision = engine.decide(EDIT)
    assert not decision.allowed
    assert "the rules do not answer this" in decision.reasons[0]


def test_denials_name_their_rules_and_bare_reasons_do_not(tmp_path: Path) -> None:
    text = """package roadcrew.devctl

import rego.v1

deny contains {"rule": "eve", "reason": "not on the eve"} if input.subject == "web"

deny contains "not today" if input.subject == "web"
"""
    (tmp_path / "eve.rego").write_text(text, encoding="utf-8")
    question = DevctlQuestion(operation="stop", user=ANN, owner=BOB, subject="web")
    for dry_run in (False, True):
        decision = open_engine(PolicySettings(extra_rules=tmp_path, dry_run=dry_run)).decide_devctl(question)
        assert decision.allowed is dry_run is decision.dry_run
        assert decision.rules == ("eve", "nameless", "owner")
        assert {"not on the eve", "not today"} < set(decision.reasons)


@pytest.mark.parametrize("name", ["", "Eve", "a b", "x" * 41, "1"])
def test_rule_with_a_wild_name_denies_without_one(name: str, tmp_path: Path) -> None:
    engine = open_engine(extra(tmp_path, f'deny contains {{"rule": "{name}", "reason": "x"}} if input.tool == "edit"'))
    decision = engine.decide(EDIT)
    assert not decision.allowed
    assert decision.rules == ("no_answer",)


@pytest.mark.parametrize("pattern", ["", "/etc/**", "a/**/b", "[ab]", "{a,b}", "!x", "/**", "a\nb"])
def test_pattern_that_might_protect_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match="is no pattern"):
        RepositoryRules(protected_paths=(pattern,))


@pytest.mark.parametrize("url", ["localhost:8181", "file:///etc/passwd", "http://x/?a=b", ""])
def test_opa_url_is_http(url: str) -> None:
    with pytest.raises(ValidationError):
        PolicySettings(opa_url=url)


def test_opa_that_is_away_denies_until_it_comes(opa: OpaProcess) -> None:
    opa.stop()
    engine = open_engine(PolicySettings(opa_url=opa.url))
    away = engine.decide(EDIT)
    assert not away.allowed
    assert f"the policy engine at {opa.url} does not answer" in away.reasons[0]
    assert "start it, or unset OPA_URL" in away.reasons[0]
    opa.start()
    assert engine.decide(EDIT).allowed


def test_opa_that_forgot_the_rules_is_given_them_again(opa: OpaProcess) -> None:
    engine = open_engine(PolicySettings(opa_url=opa.url + "/"))
    assert engine.decide(EDIT).allowed
    opa.stop()
    opa.start()
    assert engine.decide(EDIT).allowed
    assert not engine.decide(PUSH).allowed


def test_opa_takes_extra_rules_and_refuses_broken_ones(opa: OpaProcess, tmp_path: Path) -> None:
    settings = extra(tmp_path, 'deny contains "not today" if input.tool == "edit"')
    url = {"opa_url": opa.url}
    assert open_engine(settings.model_copy(update=url)).decide(EDIT).reasons == ("not today",)
    broken = extra(tmp_path, "deny contains reason if {").model_copy(update=url)
    with pytest.raises(RulesInvalid, match=r"more\.rego"):
        open_engine(broken)
    assert open_engine(PolicySettings(opa_url=opa.url)).decide(EDIT).allowed


def test_extra_rules_of_another_package_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.rego").write_text("package mine\n", encoding="utf-8")
    with pytest.raises(RulesInvalid, match="is not of package roadcrew"):
        open_engine(PolicySettings(extra_rules=tmp_path))


class Scripted(BaseHTTPRequestHandler):
    """Answers every request alike, and remembers what it was sent."""

    status, body = 200, b"{}"
    heard: list[str | None] = []

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append(self.headers["Authorization"])
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_PUT

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def scripted(status: int, body: bytes) -> Iterator[tuple[str, list[str | None]]]:
    heard: list[str | None] = []
    handler = type("Handler", (Scripted,), {"status": status, "body": body, "heard": heard})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", heard
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"{}", "do not answer this"),
        (200, b"<html>", "is no JSON"),
        (200, b"[]", "is no object"),
        (200, b'{"result": {"granted": true}}', "do not answer this"),
        (200, b'{"result": {"granted": "true", "denials": []}}', "do not answer this"),
        (200, b'{"result": true}', "do not answer this"),
        (200, b'{"result": {"granted": false, "denials": []}}', "no rule lets the coder use 'edit'"),
        (401, b"{}", "answers 401"),
        (500, b"oh", "answers 500"),
        (400, b'{"code": "invalid_parameter"}', "refuses"),
    ],
)
def test_odd_answers_of_a_server_deny(status: int, body: bytes, words: str) -> None:
    with scripted(status, body) as (url, _):
        decision = open_engine(PolicySettings(opa_url=url)).decide(EDIT)
    assert not decision.allowed
    assert words in decision.reasons[0]


def test_token_reaches_the_server_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    settings = PolicySettings(opa_url="http://127.0.0.1:1", opa_token=SecretStr("s3cret"))
    with scripted(403, b"{}") as (url, heard), caplog.at_level(logging.DEBUG):
        decision = open_engine(settings.model_copy(update={"opa_url": url})).decide(EDIT)
    assert heard == ["Bearer s3cret"]
    assert "s3cret" not in caplog.text + repr(decision) + repr(settings)


def test_question_that_breaks_the_engine_is_answered_and_the_next_one_too() -> None:
    engine = InProcess(load_rules())
    broken: Future[str] = Future()
    engine._questions.put((1, 2, broken))  # type: ignore[arg-type]  # no rule and no input: as a panic, it is no RuntimeError
    with pytest.raises(RuntimeError, match="TypeError"):
        broken.result(timeout=60)
    assert engine.evaluate("roadcrew.complete", {}) is not None


def test_question_to_an_engine_that_has_ended_fails_and_does_not_wait() -> None:
    engine = InProcess(load_rules())
    engine._questions.put(None)
    with pytest.raises(EngineFailed, match="has ended"):
        engine.evaluate("roadcrew.complete", {})
