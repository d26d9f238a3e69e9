"""The program: a table of commands, words for errors, exit codes."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from roadcrew.cli import COMMANDS, main
from roadcrew.errors import EXIT_BY_ERROR, Exit, NotFound, exit_code, is_expected
from scripts.source import ROOT

PRESENT = [name for name in COMMANDS if find_spec(f"roadcrew.commands.{name}") is not None]


def run(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "roadcrew.cli", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_lists_every_command_with_one_line() -> None:
    done = run("--help")
    assert done.returncode == 0
    for name, words in COMMANDS.items():
        assert f"{name}  " in done.stdout
        assert words in " ".join(done.stdout.split())


def test_help_imports_nothing_heavy() -> None:
    probe = "import sys, roadcrew.cli as c; c.main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    for heavy in (
        "pydantic",
        "rich",
        "docker",
        "langgraph",
        "openai",
        "neo4j",
        "logging",
        "roadcrew.settings",
    ):
        assert f"'{heavy}'" not in done.stderr


@pytest.mark.parametrize("name", PRESENT)
def test_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == Exit.DONE
    assert f"Usage: roadcrew {name}" in capsys.readouterr().out


def test_every_module_of_commands_is_in_the_table() -> None:
    modules = {path.stem for path in (ROOT / "roadcrew" / "commands").glob("*.py")} - {"__init__"}
    assert modules <= set(COMMANDS)


def test_unknown_command_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rnu"]) == Exit.USAGE
    assert "No such command 'rnu'" in capsys.readouterr().err


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    from roadcrew import __version__

    assert main(["--version"]) == Exit.DONE
    assert __version__ in capsys.readouterr().out


def test_errors_of_rooms_have_their_own_exit_codes() -> None:
    from tools.errors import CodeHostRefused, DiskFull, ModelUnavailable, ReplayDiverged, ToolsError

    assert exit_code(NotFound("no feature F-9")) == Exit.NOT_FOUND
    assert exit_code(ModelUnavailable("no answer")) == Exit.UNAVAILABLE
    assert exit_code(CodeHostRefused("403")) == Exit.REFUSED
    assert exit_code(ReplayDiverged("other verdict")) == Exit.REFUSED
    assert exit_code(DiskFull("full")) == Exit.UNAVAILABLE
    assert exit_code(ToolsError("some error")) == Exit.FAILED
    assert exit_code(ValueError("nobody foresaw it")) == Exit.BUG
    assert not is_expected(ValueError())


def test_exit_codes_are_distinct_and_documented() -> None:
    page = (ROOT / "docs" / "using.md").read_text(encoding="utf-8")
    assert len({code.value for code in Exit}) == len(Exit)
    assert [code.name for code in Exit if f"| {code.value} |" not in page] == []


def test_main_returns_the_code_of_an_input_error_with_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "roadcrew.toml"
    target.write_text("", encoding="utf-8")
    assert main(["init", str(tmp_path)]) == Exit.CONFLICT
    said = capsys.readouterr().err
    assert f"error: {target} is already there" in said
    assert "hint: edit it" in said


def test_error_under_json_is_an_envelope(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "roadcrew.toml").write_text("", encoding="utf-8")
    assert main(["init", str(tmp_path), "--json"]) == Exit.CONFLICT
    said = json.loads(capsys.readouterr().err)
    assert said["version"] == 1
    assert said["command"] == "init"
    assert said["error"]["kind"] == "Conflict"
    assert said["error"]["hint"]


def test_init_writes_a_file_that_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from roadcrew.settings import Team, read_settings

    assert main(["init", str(tmp_path), "--json"]) == Exit.DONE
    said = json.loads(capsys.readouterr().out)
    assert said == {"version": 1, "command": "init", "data": {"file": str(tmp_path / "roadcrew.toml")}}
    assert read_settings(folder=tmp_path, environment={}).team == Team()


def test_every_key_of_the_written_file_is_a_setting(tmp_path: Path) -> None:
    from roadcrew.settings import read_settings

    assert main(["init", str(tmp_path)]) == Exit.DONE
    file = tmp_path / "roadcrew.toml"
    lines = file.read_text(encoding="utf-8").splitlines()
    keys = [line.removeprefix("# ") if " = " in line or line.startswith("# [") else line for line in lines]
    file.write_text("\n".join(keys), encoding="utf-8")
    settings = read_settings(folder=tmp_path, environment={})
    assert settings.model.name == "the-model-to-ask"
    assert settings.team.rounds == 3
    assert settings.team.models == {"reviewer": "another-model"}


def test_table_of_error_codes_names_errors_that_exist() -> None:
    texts = [path.read_text(encoding="utf-8") for path in ROOT.glob("*/errors.py")]
    unknown = [name for name in EXIT_BY_ERROR if not any(f"class {name}(" in text for text in texts)]
    assert unknown == []
