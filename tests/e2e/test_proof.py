"""What proves a change where the suite tells of no single tests, and is red before anybody came."""

from pathlib import Path

from tests.e2e.conftest import new_repository
from tests.e2e.crewmates import crewmates, gives, in_turn, writes
from tests.e2e.offices import MakeOffice
from tests.e2e.plans import code_task, planned

RED = {
    "Makefile": "test:\n\tsh tests/all.sh\n",
    "tests/all.sh": "echo 'types: 2791 errors elsewhere'\nexit 1\n",
}
CHECK = ("tests/hello.sh", "grep -q '^hello$' hello.txt\n")
EMPTY = ("tests/hello.sh", "true\n")
HELLO = ("hello.txt", "hello\n")


def test_a_red_suite_without_names_lets_the_tasks_own_command_prove(office: MakeOffice, tmp_path: Path) -> None:
    plan = planned(code_task("T1", "hello.txt", tests=["sh tests/hello.sh"]))
    mates = crewmates(planner=in_turn(gives(plan)), coder=writes(CHECK, HELLO))
    delivery = office(mates).file(new_repository(tmp_path / "red-proved", RED))
    assert delivery.run().verdict == "merged"
    asked = "\n".join(asked.text for asked in mates.asked if asked.role == "planner")
    assert "types: 2791 errors elsewhere" in asked


def test_a_command_that_passes_without_the_change_proves_nothing(office: MakeOffice, tmp_path: Path) -> None:
    plan = planned(code_task("T1", "hello.txt", tests=["sh tests/hello.sh"]))
    mates = crewmates(planner=in_turn(gives(plan)), coder=writes(EMPTY, HELLO))
    delivery = office(mates).file(new_repository(tmp_path / "red-unproved", RED))
    standing = delivery.run()
    assert standing.verdict == ""
    stage = standing.tasks[0].stage
    assert "no test fails without the change and passes with it: with its tests alone tests: failed" in stage
