"""Processes of this host: what is kept of their output, and how they end."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from devctl.capture import TIMED_OUT, Job, MiddleCut, run

ENV = {"PATH": os.defpath}


@given(st.lists(st.binary(max_size=40)), st.integers(1, 60))
def test_head_and_tail_are_kept_and_the_rest_is_counted(chunks: list[bytes], limit: int) -> None:
    cut = MiddleCut(limit)
    for chunk in chunks:
        cut.add(chunk)
    whole = b"".join(chunks)
    assert cut.omitted == max(0, len(whole) - limit)
    if cut.omitted:
        half = limit // 2
        middle = f"\n[... {cut.omitted} bytes omitted ...]\n".encode()
        assert cut.value() == whole[:half] + middle + whole[len(whole) - (limit - half) :]
    else:
        assert cut.value() == whole


def test_a_signal_is_told_like_a_shell_does() -> None:
    assert run(Job(argv=("sh", "-c", "kill -9 $$"), env=ENV)).exit_code == 137


def test_a_child_that_holds_the_output_open_is_ended_with_its_group(tmp_path: Path) -> None:
    script = f"(while true; do touch {tmp_path}/alive; sleep 0.05; done) & echo started"
    finished = run(Job(argv=("sh", "-c", script), env=ENV, seconds=30))
    assert (finished.exit_code, finished.output) == (0, b"started\n")
    (tmp_path / "alive").unlink(missing_ok=True)
    run(Job(argv=("sleep", "0.3"), env=ENV))
    assert not (tmp_path / "alive").exists()


def test_a_program_that_closes_its_output_is_still_ended_at_its_time() -> None:
    finished = run(Job(argv=("sh", "-c", "exec >&- 2>&-; sleep 60"), env=ENV, seconds=0.5))
    assert (finished.exit_code, finished.timed_out) == (TIMED_OUT, True)
