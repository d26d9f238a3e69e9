"""The devctl program as people call it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl import EnvironmentGone, LaunchRequest
from local import open_workspace, stop
from tests.devctl.machines import launcher_on
from tests.devctl.wheels import write_tree

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_server_left(tmp_path: Path) -> Iterator[None]:
    """Commands that need the state's database start one, as they do for people; nobody uses it after the test."""
    yield
    for folder in (tmp_path / "state", tmp_path / "devctl" / "state"):
        if folder.is_dir():
            stop(open_workspace(folder))


def devctl(folder: Path, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "devctl.cli", "--folder", str(folder), *arguments]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"}
    return subprocess.run(argv, capture_output=True, text=True, cwd=cwd, env=env, timeout=60, check=False)


def test_help_names_the_commands_and_loads_nothing_heavy(tmp_path: Path) -> None:
    assert {"doctor", "run", "ls", "stop", "prune"} <= set(devctl(tmp_path, "--help").stdout.split())
    script = "import sys, devctl.cli; print({'docker', 'pydantic', 'uv'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert loaded.stdout.strip() == "set()"


def test_doctor_tells_of_every_backend_in_a_versioned_envelope(tmp_path: Path) -> None:
    envelope = json.loads(devctl(tmp_path, "doctor", "--json").stdout)
    assert envelope["version"] == 1
    found = {one["backend"]: one for one in envelope["data"]}
    assert set(found) == {"docker", "bubblewrap", "none"}
    assert all(one["usable"] or (one["reason"] and one["hint"]) for one in found.values())


def test_ls_and_stop_of_a_running_environment(tmp_path: Path) -> None:
    with launcher_on("bubblewrap", tmp_path) as launcher:
        launched = launcher.launch(LaunchRequest(labels={"task": "T-7"}))
        assert f"{launched.id}  bubblewrap" in devctl(tmp_path, "ls", "--sandboxes").stdout
        assert devctl(tmp_path, "stop", launched.id).stdout == f"stopped {launched.id}\n"
        assert json.loads(devctl(tmp_path, "ls", "--sandboxes", "--json").stdout)["data"]["sandboxes"] == []
        with pytest.raises(EnvironmentGone):
            launched.exec(["true"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("stop",), 2, "--all"),
        (("run",), 2, "COMMAND"),
        (("--backend", "vm", "ls"), 2, "vm"),
        (("up", ".", "--cpus", "0"), 2, "greater than 0"),
        (("up", ".", "--memory-mb", "1"), 2, "greater than or equal to 16"),
        (("up", ".", "--disk-mb", "99999999999999999999"), 2, "less than or equal to"),
        (("up", ".", "--workdir", "work"), 2, "--workdir"),
        (("run", "--seconds", "nan", "true"), 2, "finite"),
        (("exec", "--seconds", "1e400", "shop", "true"), 2, "finite"),
        (("keep", "shop", "99999999d"), 2, "century"),
        (("up", "http://[::1"), 1, "is no address"),
        (("up", "ü" * 300), 1, "no image name"),
        (("up", "~nobody-has-this-name/x"), 1, "there is nothing at"),
        (("hosts", "add", "shop", "http://[::1"), 3, "is no address"),
    ],
)
def test_errors_have_words_and_codes(tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = devctl(tmp_path, *arguments)
    assert done.returncode == code
    assert words in done.stderr


def test_a_wrong_build_is_told_of_as_it_was_called(tmp_path: Path) -> None:
    told = devctl(tmp_path, "build", ".", "--nope").stderr
    assert "Usage: devctl build [OPTIONS] [PATH]" in told and "Try 'devctl build --help'" in told
    assert "Usage: devctl build gc [OPTIONS]" in devctl(tmp_path, "build", "gc", "--nope").stderr


def test_run_gives_the_commands_output_and_status(tmp_path: Path) -> None:
    with launcher_on("bubblewrap", tmp_path / "devctl"):
        pass
    tree = write_tree(tmp_path / "tree", {"note": "hello\n"})
    done = devctl(tmp_path / "devctl", "--backend", "bubblewrap", "run", "--", "sh", "-c", "cat note; exit 7", cwd=tree)
    assert (done.stdout, done.returncode) == ("hello\n", 7), done.stderr
