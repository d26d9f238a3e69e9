"""The scripts: one command each, safe to repeat, from any folder."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.source import ROOT

COMMANDS = ["bootstrap", "check", "ci-services", "demo", "server", "test"]


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what bootstrap needs, without a .venv."""
    root = tmp_path / "check out"  # a space, because people have them
    (root / "scripts").mkdir(parents=True)
    shutil.copy2(ROOT / "scripts" / "bootstrap", root / "scripts")
    for lock in ("requirements.txt", "requirements-dev.txt"):
        shutil.copy2(ROOT / lock, root)
    return root


def fake_tool(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("path", [*(f"scripts/{name}" for name in COMMANDS), ".ci/run"])
def test_script_is_executable_and_parses(path: str) -> None:
    script = ROOT / path
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")
    assert run(["bash", "-n", str(script)], ROOT).returncode == 0


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_scripts_are_shellcheck_clean() -> None:
    done = run(["shellcheck", *(f"scripts/{name}" for name in COMMANDS), ".ci/run"], ROOT)
    assert done.returncode == 0, done.stdout


def test_bootstrap_does_nothing_when_the_lock_is_installed(tmp_path: Path) -> None:
    if not (ROOT / ".venv" / ".roadcrew-lock").is_file():
        pytest.skip("this .venv was not made by scripts/bootstrap")
    done = run([str(ROOT / "scripts" / "bootstrap"), "--dev"], tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_installed_program_ignores_the_folder_it_is_called_in(tmp_path: Path) -> None:
    if not (ROOT / ".venv" / ".roadcrew-lock").is_file():
        pytest.skip("this .venv was not made by scripts/bootstrap")
    for room in ("roadcrew", "tools"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("raise SystemExit('the wrong package')\n")
    done = run([str(ROOT / ".venv" / "bin" / "roadcrew"), "--version"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("roadcrew, version")


def test_bootstrap_says_which_python_is_too_old(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14", "python"):
        fake_tool(tools, name, '[ "$1" = --version ] && echo Python 3.9.2; exit 1')
    done = run([str(checkout / "scripts/bootstrap")], tmp_path, PATH=f"{tools}:/usr/bin:/bin", ROADCREW_PYTHON="")
    assert done.returncode == 1
    assert "no Python 3.11 or later was found (python3 is: Python 3.9.2)" in done.stderr
    assert "hint: install one" in done.stderr
    assert not (checkout / ".venv").exists()


def test_bootstrap_says_when_git_is_too_old(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    fake_tool(tools, "git", "echo git version 2.30.2")
    done = run([str(checkout / "scripts/bootstrap")], tmp_path, PATH=f"{tools}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert "git 2.30.2 is too old" in done.stderr


def test_bootstrap_says_when_there_is_no_glibc(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    fake_tool(tools, "getconf", "exit 1")
    fake_tool(tools, "uname", "echo Linux")
    done = run([str(checkout / "scripts/bootstrap")], tmp_path, PATH=f"{tools}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert "no glibc (musl?)" in done.stderr


def test_bootstrap_says_when_ensurepip_is_missing(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    fake_tool(
        tools,
        "python3",
        'case "$2" in *ensurepip*) exit 1 ;; esac; [ "$1" = --version ] && echo Python 3.11.2; exit 0',
    )
    done = run(
        [str(checkout / "scripts/bootstrap")],
        tmp_path,
        PATH=f"{tools}:{os.environ['PATH']}",
        ROADCREW_PYTHON="",
    )
    assert done.returncode == 1
    assert "ensurepip is missing" in done.stderr
    assert "apt install python3-venv" in done.stderr


def test_bootstrap_refuses_an_unknown_option(checkout: Path) -> None:
    done = run([str(checkout / "scripts/bootstrap"), "--deb"], checkout)
    assert done.returncode == 1
    assert "unknown option --deb" in done.stderr


def test_commands_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bscripts/[a-z-]+", readme))
    assert {"scripts/demo", "scripts/test"} <= named
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_first_commands_of_the_readme_are_the_demo_and_the_tests() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = [line for block in re.findall(r"```sh\n(.*?)```", readme, re.DOTALL) for line in block.splitlines()]
    assert [command.split("#")[0].strip() for command in commands[:2]] == ["scripts/demo", "scripts/test"]


def test_programs_named_in_the_readme_are_commands() -> None:
    from roadcrew.cli import COMMANDS as PROGRAM_COMMANDS

    texts = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {name for text in texts for name in re.findall(r"`roadcrew ([a-z]+)", text.read_text(encoding="utf-8"))}
    assert named <= set(PROGRAM_COMMANDS)


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
