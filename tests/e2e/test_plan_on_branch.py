"""The specification on the feature branch follows the plan that people change."""

from pathlib import Path

from tests.e2e.crewmates import by_task, crewmates, gives, in_turn, writes
from tests.e2e.offices import Delivery, MakeOffice
from tests.e2e.plans import code_task, function, planned
from tests.e2e.test_steering import says
from tools.mirror import Mirror

ONE = planned(code_task("T1", "one.py", title="Write one"))
AMENDED = "Averages: specification in line with the plan"


def branch(delivery: Delivery) -> tuple[Mirror, str]:
    mirror = delivery.office.crew.desk(delivery.place.repository).mirror
    mirror.fetch()
    return mirror, mirror.require(f"feature/F-{delivery.number}")


def files(delivery: Delivery) -> dict[str, str]:
    """The specification on the branch, by path below `specs/`."""
    mirror, head = branch(delivery)
    paths = [entry.path for entry in mirror.files(head) if entry.path.startswith("specs/")]
    return {path.removeprefix("specs/"): data.decode() for path, data in mirror.read_many(head, paths).items()}


def subjects(delivery: Delivery) -> list[str]:
    mirror, head = branch(delivery)
    return [commit.message.partition("\n")[0] for commit in mirror.log(head)]


def at_review(office: MakeOffice, repository: Path) -> Delivery:
    """A delivery of one task, whose pull request waits for approval."""
    coder = by_task(t01=writes(*function("one")), t02=writes(*function("two")), t03=writes(*function("three")))
    delivery = office(crewmates(planner=in_turn(gives(ONE)), coder=coder)).file(repository)
    delivery.begin()
    assert delivery.go_on(yes=False).waits_for.endswith(": approval")
    return delivery


def test_edited_plan_is_committed_before_its_tasks_are_done(office: MakeOffice, repository: Path) -> None:
    delivery = at_review(office, repository)
    before = files(delivery)
    assert "001-averages/tasks/T-102.yaml" not in before
    yaml = "title: Means\ntasks:\n- id: T-101\n- title: Write two\n  touches: [two.py]\n"
    says(delivery, f"/roadcrew plan\n```yaml\n{yaml}```")
    assert delivery.go_on(yes=False).waits_for.endswith(": approval")
    after = files(delivery)
    assert not [path for path in after if path.startswith("001-averages/")], "the folder goes with the title"
    assert "[X] T101" in after["001-means/tasks.md"], "what is done is ticked"
    assert "Write two" in after["001-means/tasks/T-102.yaml"]
    assert after["001-means/research.md"] == before["001-averages/research.md"]
    said = subjects(delivery)
    assert [subject for subject in said if "specification" in subject] == [
        "Means: specification in line with the plan",
        "Averages: specification",
    ]
    assert said.index("Means: specification in line with the plan") == 1, "one commit of its own, before the task's"
    assert delivery.go_on().verdict == "merged"


def test_edit_of_words_alone_leaves_the_checks_green(office: MakeOffice, repository: Path) -> None:
    delivery = at_review(office, repository)
    says(delivery, "/roadcrew plan\n```yaml\nsummary: Averages of prices, at last.\n```")
    assert delivery.go_on(yes=False).waits_for.endswith(": approval"), "for nothing but the approval"
    assert "at last" in files(delivery)["001-averages/spec.md"]
    assert subjects(delivery)[0] == AMENDED
    assert delivery.go_on().verdict == "merged"


def test_task_that_a_person_asks_for_is_specified_too(office: MakeOffice, repository: Path) -> None:
    delivery = at_review(office, repository)
    says(delivery, "/roadcrew plan also write two.py")
    assert delivery.go_on().verdict == "merged"
    found = files(delivery)
    assert "also write two.py" in found["001-averages/tasks/T-102.yaml"]
    assert "T102" in found["001-averages/tasks.md"]
    assert subjects(delivery).count(AMENDED) == 1


def test_task_dropped_while_others_are_worked_on_leaves_the_specification(office: MakeOffice, repository: Path) -> None:
    two = planned(code_task("T1", "one.py"), code_task("T2", "two.py", depends_on=["T1"], title="Write two"))
    coder = by_task(t01=writes(*function("one")))
    delivery = office(crewmates(planner=in_turn(gives(two)), coder=coder)).file(repository)
    delivery.begin()
    delivery.go_on(lambda standing: any(task.status == "in_progress" for task in standing.tasks))
    says(delivery, "/roadcrew plan drop T-102")
    assert delivery.go_on().verdict == "merged"
    assert "001-averages/tasks/T-102.yaml" not in files(delivery)
    assert "001-averages/tasks/T-101.yaml" in files(delivery)
