"""Programs on this host: their limits, and that nothing of them stays."""

import os
import sys
import time
from pathlib import Path

import pytest

from tools.process import Finished, run_program


def run(code: str, tmp_path: Path, *, seconds: float = 30.0, limit: int = 1000, given: bytes = b"") -> Finished:
    argv = [sys.executable, "-c", code]
    return run_program(argv, cwd=tmp_path, env={"SET": "yes"}, given=given, seconds=seconds, limit=limit)


def test_a_program_sees_its_input_and_no_environment_but_the_given(tmp_path: Path) -> None:
    code = (
        "import os, sys; print(sys.stdin.read(), sorted(os.environ.items() - {('LC_CTYPE', 'C.UTF-8')})); sys.exit(3)"
    )
    done = run(code, tmp_path, given=b"in")
    assert (done.status, done.stdout) == (3, b"in [('SET', 'yes')]\n")


def test_a_program_out_of_time_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('child', 'w').write(str(child.pid)); time.sleep(600)"
    )
    done = run(code, tmp_path, seconds=1.0)
    assert done.timed_out
    child = int((tmp_path / "child").read_text())
    assert _gone(child)


def test_output_beyond_the_limit_ends_the_program(tmp_path: Path) -> None:
    done = run("while True: print('x' * 100)", tmp_path, limit=5000)
    assert (done.overran, done.timed_out, len(done.stdout)) == (True, False, 5000)


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_program(["no-such-program-here"], cwd=tmp_path, env={}, seconds=1, limit=10)


def _gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that nobody waits for counts."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
            if " Z " in Path(f"/proc/{pid}/stat").read_text():
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False
