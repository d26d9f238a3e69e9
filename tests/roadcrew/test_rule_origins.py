"""`roadcrew policy check` says where each rule comes from."""

import json
from pathlib import Path

import pytest

from roadcrew.cli import main
from roadcrew.errors import Exit


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with rules of its own, and a folder of rules of whoever runs the team."""
    rules = tmp_path / "rules"
    rules.mkdir()
    text = 'package roadcrew\n\nimport rego.v1\n\ndeny contains "no fridays: wait" if input.tool == "edit"\n'
    (rules / "friday.rego").write_text(text)
    (tmp_path / "roadcrew.toml").write_text('[policy]\nprotected_paths = ["*.pem"]\n')
    asked = {"role": "coder", "tool": "edit", "paths": ["server.pem"]}
    (tmp_path / "action.json").write_text(json.dumps(asked))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROADCREW_POLICY_RULES", str(rules))
    return tmp_path


def test_each_reason_names_its_origin(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", "action.json", "--json"]) == Exit.REFUSED
    data = json.loads(capsys.readouterr().out)["data"]
    origins = dict(zip(data["reasons"], data["origins"], strict=True))
    assert origins["no fridays: wait"] == "ROADCREW_POLICY_RULES"
    (own,) = [reason for reason, origin in origins.items() if origin == "roadcrew.toml"]
    assert "protected by the repository's settings (*.pem)" in own
    assert "built in" in origins.values()
    assert main(["policy", "check", "action.json"]) == Exit.REFUSED
    assert "no fridays: wait (ROADCREW_POLICY_RULES)" in capsys.readouterr().out


def test_rules_that_cannot_be_read_are_said(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "roadcrew.toml").write_text("[policy]\nprotected = []\n")
    assert main(["policy", "check", "action.json"]) == Exit.SETTINGS
    assert "policy.protected of roadcrew.toml cannot be used" in capsys.readouterr().err
