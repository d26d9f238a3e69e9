"""`devctl devcontainer check`."""

import json
from pathlib import Path

import pytest

from devctl.cli import main
from tests.devctl.sources.folders import write


def test_check_says_what_is_done_and_what_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = {"image": "debian:12", "postCreateCommand": "make", "privileged": True}
    tree = write(tmp_path / "shop", {".devcontainer.json": config})
    front = ["--folder", str(tmp_path / "devctl"), "devcontainer", "check", str(tree)]
    assert main(front) == 0
    out = capsys.readouterr().out
    assert "image        debian:12" in out
    assert "post_create  make" in out
    assert "not done:\n  privileged was left out: the container stays unprivileged" in out
    assert main([*front, "--strict"]) == 1
    capsys.readouterr()
    assert main([*front, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["command"], answer["data"]["spec"]["image"]) == ("devcontainer check", "debian:12")


def test_check_tells_line_and_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = write(tmp_path / "shop", {".devcontainer.json": '{\n  "image" "x"\n}'})
    assert main(["--folder", str(tmp_path / "devctl"), "devcontainer", "check", str(tree)]) == 1
    assert "line 2, column 11: a colon belongs after the key 'image'" in capsys.readouterr().err
