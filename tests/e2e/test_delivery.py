"""Deliveries from issue to merged pull request, on real servers, with the model's part played by a script."""

from pathlib import Path

from graph import Change
from tests.e2e.conftest import git
from tests.e2e.crewmates import Asked, by_round, by_task, crewmates, gives, in_turn, signs_off, uses, writes
from tests.e2e.offices import Delivery, MakeOffice
from tests.e2e.plans import code_task, function, planned
from tests.tools.scripted import Answer

ONE = in_turn(gives(planned(code_task())))
AVERAGE = function("average")
WRONG = function("average", "8")
FINDING = {
    "path": "average.py",
    "quote": "    return 8",
    "severity": "high",
    "title": "The value is wrong",
    "failure": "value() gives 8 where 7 is asked for",
    "suggestion": "return 7",
}


def statuses(delivery: Delivery) -> list[str]:
    return [str(task.status) for task in delivery.tasks()]


def test_issue_becomes_a_merged_pull_request(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=ONE, coder=writes(*AVERAGE))
    delivery = office(mates).file(repository)
    standing = delivery.run()
    assert (standing.status, standing.verdict) == ("done", "merged")
    reader, mirror = delivery.office.crew.reader, delivery.office.crew.desk(delivery.place.repository).mirror
    feature = reader.feature(delivery.thread)
    assert feature is not None
    assert (feature.status, statuses(delivery)) == ("done", ["done"])
    (pull,) = reader.pull_requests(delivery.thread)
    hosted = delivery.host.pull_request(pull.number)
    assert hosted.merged
    assert f"Fixes #{delivery.number}" in hosted.body
    assert delivery.host.check_state(hosted.head_sha).state == "success"
    comments = delivery.comments()
    assert sum("roadcrew:kickoff:" in comment for comment in comments) == 1
    assert "- [x] T-101 Compute average: done" in next(one for one in comments if "roadcrew:kickoff:" in one)
    mirror.fetch()
    main = mirror.require("main")
    log = mirror.git.run("log", "--format=%B", main).text
    assert "Roadcrew-Task: T-101" in log
    assert "Roadcrew-Feature: F-1" in log
    assert mirror.read(main, "average.py").decode() == AVERAGE[1][1]
    assert git(repository, "branch", "--format=%(refname:short)") == "main"


def test_red_suite_and_rejecting_review_send_the_work_back(office: MakeOffice, repository: Path) -> None:
    """Round one is red, round two is rejected, round three is merged."""

    def review(asked: Asked) -> Answer:
        if asked.round == 2:
            claim = {**FINDING, "quote": "    return 7"}
            unfounded = {**FINDING, "quote": "this line is nowhere"}
            return gives({"summary": "not yet", "earlier": [], "findings": [claim, unfounded]})
        known = [word for word in asked.text.split() if word.startswith("R-")][0].strip("`:,()")
        return signs_off(asked, known)

    doubled = (("average.py", "def value():\n    return 3 + 4\n"),)
    coder = by_round(writes(*WRONG), writes(*AVERAGE), writes(*doubled))
    mates = crewmates(planner=ONE, coder=coder, reviewer=review)
    delivery = office(mates).file(repository)
    assert delivery.run().verdict == "merged"
    second, third = mates.of("coder", 2)[0].text, mates.of("coder", 3)[0].text
    assert "Verdict: 1 failed, 1 passed" in second or "AssertionError: 8 != 7" in second
    assert "The value is wrong" in third
    assert "this line is nowhere" not in third
    assert [one.round for one in mates.of("reviewer")] == [2, 3]


def test_conflict_of_two_parallel_tasks_is_resolved_in_a_new_round(office: MakeOffice, repository: Path) -> None:
    """Both tasks change the same line of a file that neither said it would touch."""

    def changes(name: str, line: str) -> tuple[tuple[str, str], ...]:
        return (*function(name), ("prices.py", f"PRICES = [1, 2, 3]{line}\n\n\ndef total():\n    return sum(PRICES)\n"))

    plan = in_turn(gives(planned(code_task("T1", "lowest.py"), code_task("T2", "highest.py"))))
    first = {name: writes(*changes(name, f"  # {name}")) for name in ("lowest", "highest")}
    resolve = writes(("prices.py", "PRICES = [1, 2, 3]  # both\n\n\ndef total():\n    return sum(PRICES)\n"))
    coder = by_task(t01=by_round(first["lowest"], resolve), t02=by_round(first["highest"], resolve))
    mates = crewmates(planner=plan, coder=coder)
    delivery = office(mates).file(repository)
    assert delivery.run().verdict == "merged"
    assert statuses(delivery) == ["done", "done"]
    (again,) = [one for one in mates.of("coder", 2) if one.call == 0]
    assert "conflicts in prices.py" in again.text


def test_out_of_rounds_waits_for_a_person_and_retry_goes_on(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=ONE, coder=by_round(writes(*WRONG), writes(*AVERAGE)))
    delivery = office(mates, rounds=1).file(repository)
    standing = delivery.run()
    assert standing.status == "waiting"
    assert statuses(delivery) == ["blocked"]
    assert "T-101 is not signed off after 1 rounds" in standing.tasks[0].stage
    delivery.retry()
    assert delivery.go_on().verdict == "merged"
    assert max(one.round for one in mates.of("coder")) == 2


def test_stop_cancels_all_that_is_wanted(office: MakeOffice, repository: Path) -> None:
    def stopping(asked: Asked) -> Answer:
        delivery.office.engine.tell(delivery.thread, "stop", "stop:me", {"by": "person"})
        return uses("bash", command="true")

    mates = crewmates(planner=ONE, coder=stopping)
    delivery = office(mates).file(repository)
    assert delivery.run().status == "stopped"
    delivery.settle_children()
    feature = delivery.office.crew.reader.feature(delivery.thread)
    assert feature is not None
    assert (feature.status, statuses(delivery)) == ("cancelled", ["cancelled"])
    assert any("F-1 is stopped" in comment for comment in delivery.comments())
    assert delivery.office.crew.reader.pull_requests(delivery.thread) == []


def test_requested_changes_become_one_more_task(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=ONE, coder=by_task(t01=writes(*AVERAGE), t02=writes(*function("median"))))
    delivery = office(mates).file(repository)
    standing = delivery.run(yes=False)
    assert (standing.status, "approval" in standing.waits_for) == ("waiting", True)
    (pull,) = delivery.office.crew.reader.pull_requests(delivery.thread)
    delivery.person().submit_review(pull.number, "REQUEST_CHANGES", "Add a median too")
    delivery.go_on(until=lambda standing: len(standing.tasks) == 2)
    assert delivery.go_on().verdict == "merged"
    assert [task.title for task in delivery.tasks()][1] == f"Answer the review of pull request #{pull.number}"
    assert "Add a median too" in mates.of("coder")[-1].text
    assert len(delivery.office.crew.reader.pull_requests(delivery.thread)) == 1


def test_pull_request_closed_while_its_review_is_answered_ends_the_delivery(
    office: MakeOffice, repository: Path
) -> None:
    second = writes(*function("median"))

    def closing(asked: Asked) -> Answer:
        delivery.person().close_issue(pull.number)  # a pull request is one of the issues
        return second(asked)

    mates = crewmates(planner=ONE, coder=by_task(t01=writes(*AVERAGE), t02=closing))
    delivery = office(mates).file(repository)
    delivery.run(yes=False)
    (pull,) = delivery.office.crew.reader.pull_requests(delivery.thread)
    delivery.person().submit_review(pull.number, "REQUEST_CHANGES", "Add a median too")
    delivery.go_on(until=lambda standing: len(standing.tasks) == 2)
    assert delivery.go_on().verdict == "closed"
    (pull,) = delivery.office.crew.reader.pull_requests(delivery.thread)
    assert pull.state == "closed"
    feature = delivery.office.crew.reader.feature(delivery.thread)
    assert feature is not None and feature.status == "cancelled"
    assert len(delivery.tasks()) == 2


def test_plan_waits_for_approval_where_asked_for(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=ONE, coder=writes(*AVERAGE))
    delivery = office(mates, approve_plan=True).file(repository)
    standing = delivery.run(yes=False)
    assert standing.waits_for == "a person: the plan of F-1 waits for approval"
    assert mates.of("coder") == []
    assert delivery.host.branch_head("feature/F-1") is None
    assert any("The plan waits for approval" in comment for comment in delivery.comments())
    assert delivery.go_on().verdict == "merged"
    assert not any("The plan waits for approval" in comment for comment in delivery.comments())


def test_task_cancelled_in_the_roadmap_is_left_out(office: MakeOffice, repository: Path) -> None:
    """A person drops the second task while the first is worked on."""
    first = writes(*AVERAGE)

    def cancelling(asked: Asked) -> Answer:
        second = delivery.tasks()[1]
        delivery.office.crew.roadmap.move_task(second.id, "cancelled", Change(who="ann", why="not needed"))
        return first(asked)

    plan = in_turn(gives(planned(code_task("T1", "average.py"), code_task("T2", "median.py", depends_on=["T1"]))))
    mates = crewmates(planner=plan, coder=by_task(t01=cancelling))
    delivery = office(mates).file(repository)
    assert delivery.run().verdict == "merged"
    assert statuses(delivery) == ["done", "cancelled"]


def test_task_cancelled_while_it_is_worked_on_ends(office: MakeOffice, repository: Path) -> None:
    def cancelling(asked: Asked) -> Answer:
        task = delivery.tasks()[1]
        delivery.office.crew.roadmap.move_task(task.id, "cancelled", Change(who="ann", why="not needed"))
        return writes(*function("median"))(asked)

    plan = in_turn(gives(planned(code_task("T1", "average.py"), code_task("T2", "median.py"))))
    mates = crewmates(planner=plan, coder=by_task(t01=writes(*AVERAGE), t02=cancelling))
    delivery = office(mates).file(repository)
    assert delivery.run().verdict == "merged"
    assert statuses(delivery) == ["done", "cancelled"]
