"""Deliveries with opencode in the Coder's seat: the real program, its model played by a script."""

import os
import shutil
from pathlib import Path

import pytest

from tests.e2e.crewmates import Asked, crewmates, gives, in_turn, uses
from tests.e2e.offices import MakeOffice
from tests.e2e.plans import code_task, function, planned
from tests.tools.scripted import Answer, says

PROGRAM = os.environ.get("ROADCREW_TEST_OPENCODE") or shutil.which("opencode")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="opencode is not installed: set ROADCREW_TEST_OPENCODE")
ONE = in_turn(gives(planned(code_task())))
TEST, CODE = function("average")


def shell(command: str) -> Answer:
    return uses("bash", command=command, description="work")


def writes(asked: Asked) -> Answer:
    """A model behind opencode that writes a test and the function, runs the suite and ends."""
    steps = [
        uses("write", filePath=f"/work/{TEST[0]}", content=TEST[1]),
        uses("write", filePath=f"/work/{CODE[0]}", content=CODE[1]),
        shell("python -m unittest discover -s tests 2>&1 | tail -1; echo $OPENAI_API_KEY"),
    ]
    return steps[asked.call] if asked.call < len(steps) else says("The average is there, with a test.")


def test_opencode_delivers_and_each_of_its_calls_is_journaled(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=ONE, coder=writes)
    delivery = office(mates, coder="opencode", opencode=PROGRAM).file(repository)
    assert delivery.run().verdict == "merged"
    crew = delivery.office.crew
    (turn,) = [turn for turn in crew.turns.of([f"{delivery.place.repository}/T-101"]) if turn.role == "coder"]
    assert turn.model_calls == len(mates.of("coder")) == 4
    assert turn.tokens > 0
    audited = crew.database.rows("SELECT tool FROM audit WHERE who = 'opencode' ORDER BY id")
    assert [row["tool"] for row in audited] == ["write", "write", "bash"]
    mirror = crew.desk(delivery.place.repository).mirror
    mirror.fetch()
    assert mirror.read(mirror.require("main"), "average.py").decode() == CODE[1]


def test_what_policy_refuses_is_taken_back_in_another_run(office: MakeOffice, repository: Path) -> None:
    def oversteps(asked: Asked) -> Answer:
        if "Verdict: refused" in asked.last:
            return shell("rm -r .github")
        if asked.call == 0:
            return shell("mkdir -p .github/workflows && echo 'on: push' > .github/workflows/mine.yml")
        if asked.call == 1:
            return uses("write", filePath=f"/work/{TEST[0]}", content=TEST[1])
        if asked.call == 2:
            return uses("write", filePath=f"/work/{CODE[0]}", content=CODE[1])
        return says("done")

    mates = crewmates(planner=ONE, coder=oversteps)
    delivery = office(mates, coder="opencode", opencode=PROGRAM).file(repository)
    assert delivery.run().verdict == "merged"
    assert any("Verdict: refused" in asked.text for asked in mates.of("coder"))
    mirror = delivery.office.crew.desk(delivery.place.repository).mirror
    mirror.fetch()
    assert not any(entry.path.startswith(".github") for entry in mirror.files(mirror.require("main")))


def test_cap_on_steps_ends_the_program_and_keeps_what_it_did(office: MakeOffice, repository: Path) -> None:
    def endless(asked: Asked) -> Answer:
        return shell(f"echo {asked.call} >> notes.txt")

    mates = crewmates(planner=ONE, coder=endless)
    delivery = office(mates, coder="opencode", opencode=PROGRAM, steps=3, rounds=1).file(repository)
    standing = delivery.run()
    assert standing.status == "waiting"
    assert len(mates.of("coder")) == 3
    (turn,) = [
        turn for turn in delivery.office.crew.turns.of([f"{delivery.place.repository}/T-101"]) if turn.role == "coder"
    ]
    assert turn.result is not None
    assert turn.result["end"] == "steps"


def test_missing_program_is_said_with_what_to_do(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=ONE)
    delivery = office(mates, coder="opencode", opencode="/nowhere/opencode").file(repository)
    standing = delivery.run()
    assert standing.status == "failed"
    assert "opencode" in str(standing)
    assert "npm package opencode-ai" in "".join(delivery.comments())
