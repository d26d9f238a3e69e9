"""Every command with wrong input: a clear message, a hint, the documented exit code."""

import json
from pathlib import Path

import pytest

from local import Workspace
from roadcrew.cli import main
from roadcrew.errors import Exit
from tests.conftest import CLEARED


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workspace: Workspace) -> None:
    """The commands see the session's workspace, a made-up model and nothing else of this machine."""
    import os

    for name in list(os.environ):
        if name.startswith(CLEARED):
            monkeypatch.delenv(name)
    for name, value in {
        "ROADCREW_WORKSPACE": str(workspace.path),
        "DEVCTL_BACKEND": "bubblewrap",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "OPENAI_API_KEY": "x",
        "ROADCREW_MODEL": "m",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


CASES = [
    (["run"], Exit.USAGE, "Missing option '--issue'"),
    (["run", "--issue", "x", "--repo", "nowhere"], Exit.NOT_FOUND, "there is no folder 'nowhere'"),
    (["run", "--issue", "x"], Exit.NOT_FOUND, "is no git repository"),
    (["run", "--issue", "@missing.txt"], Exit.SETTINGS, "missing.txt cannot be read as text"),
    (["issue", "x", "--repo", "nowhere"], Exit.NOT_FOUND, "there is no folder 'nowhere'"),
    (["issue"], Exit.USAGE, "Missing argument 'TEXT'"),
    (["status", "F-999"], Exit.NOT_FOUND, "there is no delivery 'F-999'"),
    (["watch", "F-999"], Exit.NOT_FOUND, "there is no delivery 'F-999'"),
    (["approve", "no/such/F-1"], Exit.NOT_FOUND, "there is no delivery"),
    (["retry", "F-999"], Exit.NOT_FOUND, "there is no delivery"),
    (["stop", "F-999"], Exit.NOT_FOUND, "there is no delivery"),
    (["stop"], Exit.USAGE, "name a delivery such as F-12"),
    (["stop", "F-1", "--servers"], Exit.USAGE, "name a delivery such as F-12"),
    (["cypher", "MATCH (n RETURN n"], Exit.SETTINGS, "error:"),
    (["cypher", "CREATE (:X)"], Exit.REFUSED, "error:"),
    (["cypher", "RETURN $x", "-p", "x"], Exit.USAGE, "'x' is not NAME=VALUE"),
    (["worker", "--role", "boss"], Exit.SETTINGS, "unknown role 'boss'"),
    (["worker", "--concurrency", "0"], Exit.USAGE, "0 is not in the range"),
    (["init", "nowhere"], Exit.USAGE, "nowhere"),
    (["policy", "check", "missing.json"], Exit.USAGE, "missing.json"),
    (["policy", "test", "nowhere"], Exit.USAGE, "nowhere"),
    (["spec", "validate", "nowhere"], Exit.USAGE, "nowhere"),
    (["restore", "missing.tar"], Exit.USAGE, "missing.tar"),
    (["backup", "."], Exit.USAGE, "is a directory"),
    (["demo", "--act", "opera"], Exit.USAGE, "there is no act 'opera'"),
    (["demo", "--record", "x"], Exit.USAGE, "--record goes with --live"),
    (["--workspace", "/dev/null", "status"], Exit.SETTINGS, "/dev/null"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), CASES, ids=[" ".join(case[0])[:40] for case in CASES])
def test_wrong_input_is_answered(
    arguments: list[str], code: Exit, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code, capsys.readouterr().err
    said = capsys.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "OPA_URL", "GITHUB_API_URL"])
def test_an_address_that_is_none_is_said(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "not a url")
    assert main(["status"]) == Exit.SETTINGS
    assert f"{name} is 'not a url'" in capsys.readouterr().err


def test_no_model_is_said_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ROADCREW_MODEL")
    assert main(["run", "--issue", "x"]) == Exit.SETTINGS
    assert "ROADCREW_MODEL is not set" in capsys.readouterr().err


def test_a_database_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:topsecret@127.0.0.1:1/db")
    assert main(["status", "--json"]) == Exit.UNAVAILABLE
    said = json.loads(capsys.readouterr().err)
    assert "127.0.0.1:1/db" in said["error"]["message"]
    assert "topsecret" not in json.dumps(said)


def test_files_of_the_wrong_kind_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "action.json").write_bytes(b"\xff\xfe")
    assert main(["policy", "check", "action.json"]) == Exit.SETTINGS
    (tmp_path / "issue.txt").write_bytes(b"\xff\xfe")
    assert main(["run", "--issue", "@issue.txt"]) == Exit.SETTINGS
    (tmp_path / "archive.tar").write_bytes(b"no archive")
    assert main(["--workspace", str(tmp_path / "w"), "restore", "archive.tar"]) != Exit.BUG
    (tmp_path / "roadcrew.toml").write_text("[team]\nrounds = 99\n")
    assert main(["status"]) == Exit.SETTINGS
    said = capsys.readouterr().err
    assert "the setting 'rounds' cannot be used" in said
    assert "Traceback" not in said
