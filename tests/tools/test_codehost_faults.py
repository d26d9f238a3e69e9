"""The code host's faults, from a scripted endpoint; translation, retries, masking and cutting."""

import importlib
import json
import logging
import socket
from collections.abc import Callable
from typing import Any

import github
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.tools.scripted import Answer, ScriptedModel, cut, raw
from tools.codehost import (
    CodeHost,
    CodeHostConflict,
    CodeHostError,
    CodeHostInvalid,
    CodeHostNotFound,
    CodeHostRefused,
    CodeHostSettings,
    CodeHostUnavailable,
    CommitStatus,
)
from tools.codehost.checks import combine, result_of_run, result_of_status
from tools.codehost.faults import fault_of, foreign_errors
from tools.codehost.text import BODY_LIMIT, Masker, one_line, storable, with_marker
from tools.codehost.text import cut as cut_text

Script = Callable[..., ScriptedModel]
VIEWER = raw('{"login": "team", "id": 1}')


def no(status: int, message: str, errors: Any = None, **headers: str) -> Answer:
    """An error of the code host."""
    body = {"message": message, **({"errors": errors} if errors is not None else {})}
    return raw(json.dumps(body), status, **headers)


def host_at(endpoint: ScriptedModel, **more: Any) -> CodeHost:
    values = {"token": SecretStr("token-of-the-team"), "repository": "team/blog", "backoff": 0.001, **more}
    return CodeHost(CodeHostSettings(api_url=endpoint.base_url, **values))


def test_every_error_of_pygithub_has_a_translation() -> None:
    module = importlib.import_module("github.GithubException")
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) >= 8
    assert all(issubclass(kind, foreign_errors()) for kind in kinds)
    answered = [kind for kind in kinds if issubclass(kind, github.GithubException)]
    for kind in answered:
        for status in (301, 400, 401, 403, 404, 405, 409, 410, 418, 422, 429, 451, 500, 501, 502, 503):
            fault = fault_of(kind(status, {"message": "m"}, {}), "do it", "http://x")
            assert isinstance(fault.error, CodeHostError), (kind, status)
    others = [github.BadAttributeException("x", (str, str), None), requests.ConnectionError("x")]
    assert set(kinds) == {*answered, github.BadAttributeException}
    for error in [*others, RuntimeError("redirected"), AssertionError("url"), TypeError("None")]:
        assert isinstance(fault_of(error, "do it", "http://x").error, CodeHostError)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (no(401, "Bad credentials"), CodeHostRefused, "valid token"),
        (no(403, "Resource not accessible", X_OAuth_Scopes="gist", X_Accepted_OAuth_Scopes="repo"), CodeHostRefused, "needs repo; it has gist"),
        (no(403, "Forbidden", X_Accepted_GitHub_Permissions="issues=write"), CodeHostRefused, "issues=write"),
        (no(404, "Not Found"), CodeHostNotFound, "may not see"),
        (no(410, "Issues are disabled for this repo"), CodeHostNotFound, "disabled"),
        (no(409, "Git Repository is empty."), CodeHostConflict, "empty"),
        (no(422, "Validation Failed", [{"resource": "Issue", "field": "title", "code": "missing"}]), CodeHostInvalid, "Issue title missing"),
        (no(422, "Validation Failed", [{"message": "No commits between"}]), CodeHostInvalid, "No commits between"),
        (no(422, "Validation Failed", "in words"), CodeHostInvalid, "in words"),
        (no(501, "not in the part that this forge serves"), CodeHostInvalid, "forge serves"),
        (raw("<html>502</html>", 502), CodeHostUnavailable, "answers 502"),
        (raw('{"number": "three"}'), CodeHostInvalid, "incomplete answer"),
        (raw("[]"), CodeHostError, "incomplete answer"),
        (cut(raw('{"number": 1}')), CodeHostUnavailable, "does not answer"),
    ],
)  # fmt: skip
def test_each_answer_becomes_one_error_that_says_what_to_do(
    scripted_model: Script, answer: Answer, error: type[CodeHostError], words: str
) -> None:
    with pytest.raises(error) as caught:
        host_at(scripted_model(answer), max_retries=1).issue(1)
    assert words in str(caught.value)
    assert "read issue #1" in str(caught.value)
    assert "token-of-the-team" not in str(caught.value)


def test_nobody_at_the_address_is_said_with_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/api/v3"
    settings = CodeHostSettings(api_url=url, token=SecretStr("t"), repository="a/b", backoff=0.001, max_retries=1)
    with pytest.raises(CodeHostUnavailable, match=r"http://127.0.0.1.*does not answer \(connection refused\)"):
        CodeHost(settings).issue(1)


def test_a_failing_host_is_asked_again(scripted_model: Script, caplog: pytest.LogCaptureFixture) -> None:
    endpoint = scripted_model(raw("", 503), cut(VIEWER), VIEWER)
    assert host_at(endpoint).viewer() == "team"
    assert len(endpoint.requests) == 3
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 2


def test_what_must_not_happen_twice_is_not_repeated_after_a_lost_answer(scripted_model: Script) -> None:
    endpoint = scripted_model(raw("", 502), no(422, "never asked"))
    with pytest.raises(CodeHostUnavailable):
        host_at(endpoint).create_issue("title", "body")
    assert endpoint.calls == ["POST /v1/repos/team/blog/issues"]


@pytest.mark.parametrize(
    "limited",
    [
        no(403, "You have exceeded a secondary rate limit", Retry_After="0"),
        no(429, "Too many", Retry_After="0"),
        no(403, "API rate limit exceeded", X_RateLimit_Remaining="0", X_RateLimit_Reset="1"),
    ],
)
def test_rate_limits_are_waited_for_even_by_what_must_not_happen_twice(scripted_model: Script, limited: Answer) -> None:
    endpoint = scripted_model(limited, no(422, "asked again"))
    with pytest.raises(CodeHostInvalid, match="asked again"):
        host_at(endpoint).create_issue("title", "body")
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    "limited",
    [
        no(403, "You have exceeded a secondary rate limit"),
        no(403, "API rate limit exceeded", X_RateLimit_Remaining="0", X_RateLimit_Reset="99999999999"),
        no(429, "Too many", Retry_After="3600"),
    ],
)
def test_a_rate_limit_longer_than_we_wait_is_unavailable(scripted_model: Script, limited: Answer) -> None:
    endpoint = scripted_model(limited)
    with pytest.raises(CodeHostUnavailable, match="rate limit of the code host stops us for"):
        host_at(endpoint, longest_wait=30).issue(1)
    assert len(endpoint.requests) == 1


def test_the_token_goes_in_a_header_and_never_in_an_address(scripted_model: Script) -> None:
    endpoint = scripted_model(VIEWER)
    host_at(endpoint).viewer()
    (seen,) = endpoint.requests
    assert seen.headers["authorization"] == "token token-of-the-team"
    assert "token-of" not in seen.call


def test_permission_is_none_where_the_host_refuses_to_tell(scripted_model: Script) -> None:
    refused = no(403, "Must have push access to view collaborator permission.")
    assert host_at(scripted_model(refused)).permission("ann") == "none"
    odd = raw('{"permission": "owner-of-everything"}')
    assert host_at(scripted_model(odd)).permission("ann") == "none"
    with pytest.raises(CodeHostUnavailable):
        host_at(scripted_model(raw("", 500)), max_retries=0).permission("ann")


def test_without_administration_rights_only_the_required_checks_are_known(scripted_model: Script) -> None:
    rules_at = "/repos/team/blog/branches/main/protection"
    summary = {"enabled": True, "required_status_checks": {"contexts": ["ci"]}}
    branch = raw(json.dumps({"name": "main", "protected": True, "protection": summary, "protection_url": rules_at}))
    for refusal in (no(403, "Upgrade to GitHub Pro"), no(404, "Not Found")):
        rules = host_at(scripted_model(branch, branch, refusal)).protection("main")
        assert rules is not None
        assert (rules.required_checks, rules.required_approvals) == (("ci",), None)


def pull(merged: bool) -> Answer:
    """A pull request, as it is told."""
    end = {"ref": "main", "sha": "c" * 40}
    body = {"number": 1, "title": "t", "body": None, "state": "closed" if merged else "open", "merged": merged}
    body |= {"head": end, "base": end, "html_url": "u", "merge_commit_sha": "d" * 40, "draft": False}
    body |= {"mergeable": None, "mergeable_state": "unknown", "user": None, "url": "/repos/team/blog/pulls/1"}
    return raw(json.dumps(body))


def test_a_merge_whose_answer_was_lost_is_success_when_it_is_merged(scripted_model: Script) -> None:
    endpoint = scripted_model(pull(False), no(405, "Pull Request is not mergeable"), pull(True))
    assert host_at(endpoint).merge(1, "merge", "c" * 40) == "d" * 40


def test_a_merge_just_behind_another_one_is_tried_again(scripted_model: Script) -> None:
    moved = no(405, "Base branch was modified. Review and try the merge again.")
    merged = raw(json.dumps({"merged": True, "sha": "d" * 40, "message": "m"}))
    endpoint = scripted_model(pull(False), moved, pull(False), moved, pull(False), merged)
    assert host_at(endpoint).merge(1, "merge", "c" * 40) == "d" * 40


@pytest.mark.parametrize(
    ("status", "conclusion", "result"),
    [
        ("completed", "success", "success"),
        ("completed", "neutral", "success"),
        ("completed", "skipped", "success"),
        ("completed", "failure", "failure"),
        ("completed", "timed_out", "failure"),
        ("completed", "cancelled", "failure"),
        ("completed", "action_required", "failure"),
        ("completed", "a-new-word", "failure"),
        ("completed", None, "pending"),
        ("in_progress", None, "pending"),
        ("queued", "success", "pending"),
    ],
)
def test_only_known_green_conclusions_are_green(status: str, conclusion: str | None, result: str) -> None:
    assert result_of_run(status, conclusion) == result


checks = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["success", "failure", "error", "pending", "odd"])), max_size=5
)


@given(checks, st.sets(st.sampled_from("abcde")))
def test_green_means_something_reported_all_green_and_nothing_required_missing(
    found: list[tuple[str, str]], required: set[str]
) -> None:
    made = tuple(
        CommitStatus(name=name, state=result_of_status(state), kind="status", description="", url="")
        for name, state in found
    )
    green = bool(made) and all(state == "success" for _, state in found) and required <= {name for name, _ in found}
    assert (combine(made, tuple(required)).state == "success") is green


@given(st.text(max_size=300), st.integers(150, 200))
def test_a_cut_text_keeps_the_limit_and_says_what_happened(text: str, limit: int) -> None:
    shown = cut_text(text, limit)
    assert len(shown) <= limit
    assert shown == text or f"it has {len(text)} characters" in shown
    assert len(one_line(text, 20)) <= 20
    assert len(with_marker("<!-- roadcrew:a:b -->", text, limit)) <= limit


@given(st.text(), st.text(min_size=6), st.text())
def test_a_masked_text_has_no_secret(before: str, secret: str, after: str) -> None:
    masked = Masker([secret]).mask(before + secret + after)
    assert secret not in masked or secret in "***" or "***" in secret


def test_secrets_are_masked_longest_first_and_as_they_look_in_addresses() -> None:
    masker = Masker(["secret", "secret/with+more", "tiny"])
    assert masker.mask("secret/with+more secret%2Fwith%2Bmore secret tiny") == "*** *** *** tiny"


def test_what_no_host_stores_is_taken_out() -> None:
    assert storable("a\x00b\ud800c") == "ab?c"
    assert len(cut_text("x" * BODY_LIMIT)) == BODY_LIMIT
