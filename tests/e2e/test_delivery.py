"""Deliveries from issue to merged pull request, on real servers, with the model's part played by a script."""

from pathlib import Path

from tests.e2e.crewmates import crewmates, gives, in_turn, writes
from tests.e2e.offices import MakeOffice
from tests.e2e.plans import code_task, function, planned

PLAN = in_turn(gives(planned(code_task())))


def test_issue_becomes_a_merged_pull_request(office: MakeOffice, repository: Path) -> None:
    delivery = office(crewmates(planner=PLAN, coder=writes(*function("average")))).file(repository)
    standing = delivery.run()
    assert (standing.status, standing.verdict) == ("done", "merged")
    assert [str(task.status) for task in delivery.tasks()] == ["done"]
