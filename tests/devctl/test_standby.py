"""The sandbox that waits for its command: it must be as fresh as one that is started for it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl import DevctlSettings, Environment, LaunchRequest, Limits, open_launcher
from devctl.errors import EnvironmentGone, SandboxUnavailable


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    """An environment under bubblewrap in which two commands have run: from the second on, the next one is waited for."""
    settings = DevctlSettings.from_environment(folder=tmp_path / "d", backend="bubblewrap")
    try:
        launcher = open_launcher(settings, None)
    except SandboxUnavailable as fault:
        pytest.skip(str(fault))
    with launcher.launch(LaunchRequest(limits=Limits(seconds=60))) as made:
        assert [made.exec(["true"]).exit_code for _ in range(2)] == [0, 0]
        yield made


def shell(environment: Environment, script: str) -> str:
    return environment.exec(["sh", "-c", script]).output.strip()


def test_variables_folder_and_words_reach_the_command(environment: Environment) -> None:
    shell(environment, "mkdir -p 'a b'")
    script = 'printf "%s|%s|%s" "$PWD" "$WORD" "$1"'
    words = ["sh", "-c", script, "sh", "two words'\"$x"]
    assert environment.exec(words, cwd="a b", env={"WORD": "it's $y\nnext"}).output == (
        "/work/a b|it's $y\nnext|two words'\"$x"
    )


def test_input_is_empty_unless_one_is_given(environment: Environment) -> None:
    assert environment.exec(["cat"]).output == ""
    assert environment.exec(["cat"], stdin=b"given").output == "given"
    assert environment.exec(["cat"]).output == ""


def test_nothing_of_one_command_is_seen_by_the_next(environment: Environment) -> None:
    shell(environment, "sleep 300 >/dev/null 2>&1 & export LEFT=1; cd /tmp; ulimit -n 64")
    assert shell(environment, "ls /proc | grep -c '^[0-9]*$'") <= "6"
    assert shell(environment, "pgrep sleep; echo ${LEFT-none} $PWD $(ulimit -n)") == "none /work 4096"


def test_no_descriptor_of_ours_is_left_open(environment: Environment) -> None:
    assert shell(environment, "ls /proc/self/fd | tr '\\n' ' '") == "0 1 2 3"


def test_time_is_counted_from_the_command_on(environment: Environment) -> None:
    standby = environment._box._standby  # type: ignore[attr-defined] # bubblewrap's own
    standby.running.started -= 3_600  # so long it has waited
    assert environment.exec(["true"], seconds=60).timed_out is False
    assert environment.exec(["sleep", "30"], seconds=0.3).timed_out is True
    assert environment.exec(["true"]).exit_code == 0


def test_long_command_lines_work_too(environment: Environment) -> None:
    assert environment.exec(["sh", "-c", 'printf "%s" "$1" | wc -c', "sh", "x" * 90_000]).output.strip() == "90000"


def test_another_thread_gets_a_sandbox_of_its_own(environment: Environment) -> None:
    outputs: list[str] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: outputs.append(shell(environment, "echo there")))
        thread.start()
        thread.join()
        outputs.append(shell(environment, "echo here"))
    assert outputs == ["there", "here"] * 3


def test_stopping_leaves_no_process(environment: Environment, tmp_path: Path) -> None:
    waiting = [int(note.name) for note in tmp_path.rglob("pids/[0-9]*")]
    assert waiting
    assert all(Path(f"/proc/{number}").exists() for number in waiting)
    environment.stop()
    assert not any(Path(f"/proc/{number}").exists() for number in waiting)
    with pytest.raises(EnvironmentGone):
        environment.exec(["true"])
