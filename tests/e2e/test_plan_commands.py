"""`roadcrew plan` and `roadcrew say` on a delivery that waits with its plan."""

from pathlib import Path

import pytest

from roadcrew.errors import Conflict, InputInvalid
from roadcrew.planning import plan_of, say, send_back, send_drop, send_edit
from specs import plan_yaml
from tests.e2e.crewmates import crewmates, gives, in_turn, writes
from tests.e2e.offices import Delivery, MakeOffice
from tests.e2e.plans import code_task, function, planned

TWO = planned(code_task("T1", "one.py", title="Write one"), code_task("T2", "two.py", title="Write two"))


@pytest.fixture
def delivery(office: MakeOffice, repository: Path) -> Delivery:
    """A delivery whose plan of two tasks waits for approval."""
    mates = crewmates(planner=in_turn(gives(TWO)), coder=writes(*function("one")))
    made = office(mates, approve_plan=True).file(repository)
    with pytest.raises(Conflict, match="no plan yet"):
        plan_of(made.office, made.thread)
    made.begin()
    assert "waits for approval" in made.go_on(yes=False).waits_for
    return made


def test_edited_plan_is_taken_over_and_a_broken_one_refused_at_once(delivery: Delivery) -> None:
    plan = plan_of(delivery.office, delivery.thread)
    text = plan_yaml(plan.proposal, plan.names)
    with pytest.raises(InputInvalid, match="no YAML"):
        send_edit(delivery.office, delivery.thread, "tasks: [")
    with pytest.raises(InputInvalid, match=r"tasks\[0\].kind"):
        send_edit(delivery.office, delivery.thread, text.replace("kind: code", "kind: docs", 1))
    send_edit(delivery.office, delivery.thread, text.replace("Write two", "Write both"))
    assert "waits for approval" in delivery.go_on(yes=False).waits_for
    assert [task.title for task in delivery.tasks()] == ["Write one", "Write both"]


def test_dropped_task_is_not_done_and_the_rest_is_delivered(delivery: Delivery) -> None:
    with pytest.raises(InputInvalid, match="no task 'T-777'"):
        send_drop(delivery.office, delivery.thread, ("T-777",))
    send_drop(delivery.office, delivery.thread, ("T-102",))
    say(delivery.office, delivery.thread, "be quick")
    assert delivery.go_on().verdict == "merged"
    assert [str(task.status) for task in delivery.tasks()] == ["done", "cancelled"]
    with pytest.raises(Conflict, match="has ended"):
        send_back(delivery.office, delivery.thread, "once more")
