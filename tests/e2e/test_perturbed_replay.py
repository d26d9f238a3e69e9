"""A transcript answers only the run that was recorded: one verdict line changed anywhere, and the replay stops there."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from bench.replayed import ReplayedDelivery, StandsStill
from local.replay_compare import VERDICT
from local.transcript import TranscriptEntry, read_transcripts, write_transcript
from roadcrew.demo.acts import acts
from tests.e2e.conftest import Reference
from tools.errors import ReplayDiverged
from tools.model import ModelClient, ModelRequest, ModelSettings

TRANSCRIPT = next(act for act in acts() if act.name == "library").transcript
RED_ROUND = "F-1/T-102/coder/2/3"
"""The call that answers a red suite of the first round."""
CHANGES = {
    "planner": ("F-1/-/planner/1/2", "tests: 11 passed", "tests: 10 passed, 1 failed"),
    "researcher": ("F-1/-/researcher/1/5", "exit 0", "exit 1"),
    "coder": ("F-1/T-101/coder/1/13", "exit 0", "exit 1"),
    "tester": (RED_ROUND, "tests: 17 passed, 4 failed", "tests: 18 passed, 3 failed"),
    "reviewer": ("F-1/T-101/coder/2/3", "1 blocking findings", "2 blocking findings"),
    "reviewer's own linters": ("F-1/T-101/reviewer/1/2", "lint: clean", "lint: 1 finding"),
    "tester, as the reviewer reads it": ("F-1/T-101/reviewer/1/2", "tests: 19 passed", "tests: 18 passed, 1 failed"),
    "docgen": ("F-1/T-104/docgen/1/3", "tests: 39 passed", "tests: 38 passed, 1 failed"),
}


def perturbed(change: tuple[str, str, str], target: Path) -> Path:
    """Write the transcript with one verdict of one call changed."""
    turn, verdict, other = change
    entries = read_transcripts([TRANSCRIPT])
    before, after = json.dumps(VERDICT + verdict)[1:-1], json.dumps(VERDICT + other)[1:-1]
    text = entries[turn].model_dump_json()
    assert before in text, f"{turn} has no line {VERDICT + verdict!r}"
    entries[turn] = TranscriptEntry.model_validate_json(text.replace(before, after, 1))
    write_transcript(target, entries.values())
    return target


@contextmanager
def replay_of(transcript: Path, folder: Path) -> Iterator[ModelClient]:
    """Serve a transcript and ask it."""
    command = [sys.executable, "-m", "local.replay", "--transcript", str(transcript)]
    command += ["--log", str(folder / "replay.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base_url = json.loads(process.stdout.readline())["base_url"]
            settings = ModelSettings(base_url=base_url, api_key=SecretStr("replay"), default_model="recorded")
            with ModelClient(settings) as client:
                yield client
        finally:
            process.terminate()


def stopped_turns(client: ModelClient, reference: Reference) -> dict[str, str]:
    """Ask every call of the undisturbed delivery again; return what the replay said to those that it stopped."""
    stopped: dict[str, str] = {}
    for call in reference.calls:
        try:
            reply = client.complete(ModelRequest.model_validate(call.model_dump(exclude={"reply"})))
        except ReplayDiverged as fault:
            stopped[call.turn] = fault.message
        else:
            assert reply == call.reply
    return stopped


def test_unchanged_transcript_answers_every_call(reference: Reference, tmp_path: Path) -> None:
    with replay_of(TRANSCRIPT, tmp_path) as client:
        assert stopped_turns(client, reference) == {}
    assert {call.turn for call in reference.calls} == set(read_transcripts([TRANSCRIPT]))


@pytest.mark.parametrize("whose", CHANGES)
def test_replay_stops_at_the_call_whose_recorded_verdict_differs(
    reference: Reference, tmp_path: Path, whose: str
) -> None:
    turn, verdict, other = CHANGES[whose]
    with replay_of(perturbed(CHANGES[whose], tmp_path / "transcript.jsonl"), tmp_path) as client:
        stopped = stopped_turns(client, reference)
    assert list(stopped) == [turn]
    assert turn in stopped[turn]
    assert f"recorded 'Verdict: {other}" in stopped[turn]
    assert f"now 'Verdict: {verdict}" in stopped[turn]


def test_delivery_stands_still_where_the_testers_verdict_is_not_the_recorded_one(
    folder: Path, environments: Path
) -> None:
    transcript = perturbed(CHANGES["tester"], folder / "transcript.jsonl")
    with ReplayedDelivery(folder, environments, transcript) as delivery:
        delivery.start()
        delivery.worker()
        with pytest.raises(StandsStill, match=f"the replay stops at turn {RED_ROUND}"):
            delivery.wait(180)
        comments = [one.body for one in delivery.office.crew.desk(delivery.repository).host.comments(delivery.issue)]
        assert RED_ROUND not in delivery.journaled()
    (told,) = [comment for comment in comments if "stands still" in comment]
    assert f"> the replay stops at turn {RED_ROUND}" in told
    assert "now 'Verdict: tests: 17 passed, 4 failed" in told
