"""`roadcrew model check` as people call it, against real endpoints that can do more or less."""

import json
import socket
from typing import Any

import pytest

from roadcrew.cli import main
from roadcrew.errors import Exit
from tests.tools.endpoints.helpful import Helpful
from tests.tools.endpoints.hosting import hosting
from tests.tools.scripted import fails, serving

Reported = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository and no settings but those of the test."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "ROADCREW_MODEL", "ROADCREW_MODEL_TRAITS"):
        monkeypatch.delenv(name, raising=False)


def check(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str = "helper-1"
) -> tuple[int, Reported, str]:
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("ROADCREW_MODEL", model)
    code = main(["model", "check", "--json"])
    out, err = capsys.readouterr()
    findings = json.loads(out)["data"]["findings"] if out else []
    return code, {finding["name"]: finding for finding in findings}, err


def test_a_capable_endpoint_serves(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with hosting(Helpful()) as endpoint:
        code, found, _ = check(endpoint.base_url, monkeypatch, capsys)
        assert code == Exit.DONE
        assert main(["model", "check"]) == Exit.DONE
    states = {name: finding["state"] for name, finding in found.items()}
    assert [name for name, state in states.items() if state != "works"] == ["usage", "prompt cache"]
    assert found["usage"]["detail"] == "tokens told, no price known"
    assert "context_tokens = 32768" in found["context window"]["instead"]
    assert all(finding["seconds"] is not None for finding in found.values())
    table = capsys.readouterr().out
    assert "two calls in one reply" in table
    assert "The team can work with it." in table


@pytest.mark.parametrize(
    ("lacks", "name", "state", "words"),
    [
        ("tools", "tool call", "otherwise", "calls in the text"),
        ("schemas", "strict schema", "otherwise", "the schema in the prompt"),
        ("system", "system prompt", "otherwise", "in front of the user's message"),
        ("usage", "usage", "otherwise", "estimated"),
        ("streams", "streaming", "otherwise", "whole replies"),
        ("parallel", "two calls in one reply", "otherwise", "one call a reply"),
    ],
)
def test_what_is_lacking_is_told_with_what_is_used_instead(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lacks: str,
    name: str,
    state: str,
    words: str,
) -> None:
    with hosting(Helpful(lacks=frozenset({lacks}))) as endpoint:
        code, found, _ = check(endpoint.base_url, monkeypatch, capsys)
    assert code == Exit.DONE
    assert found[name]["state"] == state
    assert words in found[name]["instead"]


@pytest.mark.parametrize(
    ("lacks", "name", "words"),
    [("any_tools", "tool call", "tools ="), ("context", "long prompt", "OLLAMA_CONTEXT_LENGTH")],
)
def test_what_the_team_cannot_do_without_fails_the_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lacks: str, name: str, words: str
) -> None:
    with hosting(Helpful(lacks=frozenset({lacks}))) as endpoint:
        code, found, _ = check(endpoint.base_url, monkeypatch, capsys)
    assert code == Exit.FAILED
    assert found[name]["state"] == "missing"
    assert words in found[name]["instead"]


def test_a_wrong_name_is_answered_with_near_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with hosting(Helpful(listed=[{"id": "helper-1"}, {"id": "other"}])) as endpoint:
        code, _, err = check(endpoint.base_url, monkeypatch, capsys, model="helper")
    told = json.loads(err.strip())["error"]
    assert code == Exit.NOT_FOUND
    assert "'helper'" in told["message"]
    assert told["hint"].startswith("set ROADCREW_MODEL to one that it has: helper-1")


def test_a_wrong_key_and_a_wrong_address_are_told_with_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving([fails(401, "Incorrect API key provided")]) as model:
        code, _, err = check(model.base_url, monkeypatch, capsys)
    assert (code, "OPENAI_API_KEY" in err) == (Exit.REFUSED, True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    code, _, err = check(url, monkeypatch, capsys)
    assert (code, "OPENAI_BASE_URL" in err) == (Exit.UNAVAILABLE, True)


def test_without_a_model_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "check"]) == Exit.SETTINGS
    assert "OPENAI_API_KEY" in capsys.readouterr().err
