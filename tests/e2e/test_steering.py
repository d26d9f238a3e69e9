"""People steer a delivery: they change the plan, approve it, and speak while the work goes on."""

from pathlib import Path

import pytest
import requests

from agents.database import Connection
from agents.engine import Engine
from agents.ids import MARK
from agents.plays import PLAYS
from roadcrew.intake import Intake
from roadcrew.jobs import Queue
from tests.e2e.conftest import git
from tests.e2e.crewmates import Asked, by_task, crewmates, gives, in_turn, uses, writes
from tests.e2e.offices import Delivery, MakeOffice
from tests.e2e.plans import code_task, function, planned
from tests.tools.scripted import Answer
from tools.codehost import CodeHost

TWO = planned(code_task("T1", "one.py", title="Write one"), code_task("T2", "two.py", title="Write two"))


def waiting(office: MakeOffice, repository: Path, mates: object) -> Delivery:
    delivery = office(mates, approve_plan=True).file(repository)  # type: ignore[arg-type]  # crewmates
    delivery.begin()
    standing = delivery.go_on(yes=False)
    assert "waits for approval" in standing.waits_for
    return delivery


def says(delivery: Delivery, text: str, host: CodeHost | None = None) -> None:
    """Comment as the person at the keyboard, or as whom this host knows us, and have the intake look."""
    access = (host or delivery.person()).settings
    place = f"{access.api_url}/repos/{access.repository}/issues/{delivery.number}/comments"
    header = {"Authorization": f"Bearer {access.token.get_secret_value()}"}
    requests.post(place, json={"body": text}, headers=header, timeout=30).raise_for_status()
    Intake(delivery.office.engine).poll()


def kickoff(delivery: Delivery) -> str:
    return next(body for body in delivery.comments() if "roadcrew:kickoff:" in body)


def test_plan_is_shown_as_check_list_and_yaml_before_anything_is_done(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=in_turn(gives(TWO)))
    delivery = waiting(office, repository, mates)
    shown = kickoff(delivery)
    assert "- [x] T-101 Write one" in shown
    assert "```yaml\ntitle: Averages" in shown
    assert delivery.host.branch_head(f"feature/F-{delivery.number}") is None
    assert not mates.of("coder")


def test_unticked_task_is_dropped_when_the_plan_is_approved(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=in_turn(gives(TWO)), coder=by_task(t01=writes(*function("one"))))
    delivery = waiting(office, repository, mates)
    (comment,) = [c for c in delivery.host.comments(delivery.number) if "roadcrew:kickoff:" in c.body]
    mark, _, shown = comment.body.partition("\n")
    delivery.host.upsert_comment(delivery.number, mark, shown.replace("- [x] T-102", "- [ ] T-102"))
    says(delivery, "/roadcrew approve")
    assert delivery.go_on().verdict == "merged"
    assert [(task.key, str(task.status)) for task in delivery.tasks()] == [("T-101", "done"), ("T-102", "cancelled")]
    assert {asked.task for asked in mates.of("coder")} == {"T-101"}


def test_person_with_the_only_identity_approves_plan_and_pull_request(office: MakeOffice, repository: Path) -> None:
    """With one personal token the person is who the team is; the host lets nobody review their own pull request."""
    mates = crewmates(planner=in_turn(gives(planned(code_task("T1", "one.py")))), coder=writes(*function("one")))
    delivery = waiting(office, repository, mates)
    says(delivery, "/roadcrew approve", delivery.host)
    assert delivery.go_on(yes=False).waits_for.endswith(": approval")
    says(delivery, "> /roadcrew approve\n\nnot yet", delivery.host)
    assert delivery.go_on(yes=False).waits_for.endswith(": approval")
    says(delivery, "/roadcrew approve", delivery.host)
    assert delivery.go_on(yes=False).verdict == "merged"
    pulls = delivery.office.crew.reader.pull_requests(delivery.thread)
    texts = delivery.comments() + [comment.body for comment in delivery.host.comments(pulls[-1].number)]
    own = [text for text in texts if text != "/roadcrew approve" and not text.startswith("> ")]
    assert own
    assert all(text.startswith(MARK) for text in own), "every comment of the team carries its marker"


def test_yaml_in_a_comment_replaces_the_plan(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(
        planner=in_turn(gives(TWO)), coder=by_task(t01=writes(*function("one")), t03=writes(*function("three")))
    )
    delivery = waiting(office, repository, mates)
    says(
        delivery,
        "/roadcrew plan\n\n```yaml\ntasks:\n- id: T-101\n- title: Write three\n  touches: [three.py]\n```\nThanks!",
    )
    standing = delivery.go_on(yes=False)
    assert "waits for approval" in standing.waits_for
    assert "T-103 Write three" in kickoff(delivery)
    assert "T-102" not in kickoff(delivery)
    assert delivery.go_on().verdict == "merged"
    assert {asked.task for asked in mates.of("coder")} == {"T-101", "T-103"}


def test_edit_that_does_not_hold_together_is_answered_and_changes_nothing(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=in_turn(gives(TWO)))
    delivery = waiting(office, repository, mates)
    says(delivery, "/roadcrew plan\n```yaml\ntasks:\n- id: T-101\n  depends_on: [T-109]\n```")
    assert "waits for approval" in delivery.go_on(yes=False).waits_for
    answer = next(body for body in delivery.comments() if "roadcrew:edit:" in body)
    assert "The plan stays as it is" in answer
    assert "T-109" in answer
    assert "T-102 Write two" in kickoff(delivery)


def test_plan_that_is_sent_back_is_planned_anew_with_the_words(office: MakeOffice, repository: Path) -> None:
    def plan(asked: Asked) -> Answer:
        second = asked.round == 2
        return gives(planned(code_task("T1", "one.py", title="Write it smaller"))) if second else gives(TWO)

    mates = crewmates(planner=plan, coder=writes(*function("one")))
    delivery = waiting(office, repository, mates)
    says(delivery, "/roadcrew plan in one task, please")
    assert "waits for approval" in delivery.go_on(yes=False).waits_for
    again = mates.of("planner", 2)[0].text
    assert "in one task, please" in again
    assert "Write two" in again
    assert delivery.go_on().verdict == "merged"
    assert [str(task.status) for task in delivery.tasks()] == ["done", "cancelled"]


class CutShort(Queue):
    """The queue of a worker that is killed when it hands out its first turn."""

    def turn(self, connection: Connection, turn: int, role: str, lock: str | None) -> None:
        raise KeyboardInterrupt


def test_plan_is_made_anew_once_also_where_the_worker_dies_over_it(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=in_turn(gives(TWO)))
    delivery = waiting(office, repository, mates)
    says(delivery, "/roadcrew plan in one task, please")
    with pytest.raises(KeyboardInterrupt):
        Engine(delivery.office.crew, CutShort(delivery.office.url), PLAYS).advance(delivery.thread)
    assert [letter.kind for letter in delivery.office.crew.threads.unread(delivery.thread)] == ["replan"]
    delivery.office.engine.advance(delivery.thread)
    assert "waits for approval" in delivery.go_on(yes=False).waits_for
    assert {asked.round for asked in mates.of("planner")} == {1, 2}
    assert delivery.office.crew.threads.unread(delivery.thread) == []


def test_label_asks_for_approval_of_one_issue(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=in_turn(gives(TWO)))
    delivery = office(mates).file(repository)
    delivery.host.add_labels(delivery.number, "roadcrew:approve-plan")
    delivery.begin()
    assert "waits for approval" in delivery.go_on(yes=False).waits_for


def test_repository_asks_for_approval_in_its_own_file(office: MakeOffice, repository: Path) -> None:
    (repository / "roadcrew.toml").write_text("[team]\napprove_plan = true\n")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "manners")
    delivery = office(crewmates(planner=in_turn(gives(TWO)))).file(repository)
    delivery.begin()
    assert "waits for approval" in delivery.go_on(yes=False).waits_for


def test_comment_reaches_the_role_at_its_next_step(office: MakeOffice, repository: Path) -> None:
    spoken: list[Delivery] = []

    def coder(asked: Asked) -> Answer:
        if asked.call == 0:
            says(spoken[0], "Please name the result seven.")
            return uses("bash", command="true")
        return writes(*function("one"))(Asked(**{**vars(asked), "call": asked.call - 1}))

    mates = crewmates(planner=in_turn(gives(planned(code_task("T1", "one.py")))), coder=coder)
    delivery = office(mates).file(repository)
    spoken.append(delivery)
    assert delivery.run().verdict == "merged"
    first, second = mates.of("coder")[:2]
    assert "name the result seven" not in first.text
    assert "name the result seven" in second.last
    assert "name the result seven" in mates.of("reviewer")[0].text


def test_stranger_is_not_heard(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=in_turn(gives(TWO)))
    delivery = waiting(office, repository, mates)
    delivery.host.upsert_comment(delivery.number, "<!-- roadcrew:own:words -->", "our own words are no word to us")
    Intake(delivery.office.engine).poll()
    assert delivery.office.crew.threads.words(delivery.thread) == []


def test_task_asked_for_while_the_pull_request_waits_is_added(office: MakeOffice, repository: Path) -> None:
    coder = by_task(t01=writes(*function("one")), t02=writes(*function("more")))
    mates = crewmates(planner=in_turn(gives(planned(code_task("T1", "one.py")))), coder=coder)
    delivery = office(mates).file(repository)
    delivery.begin()
    assert "approval" in delivery.go_on(yes=False).waits_for
    says(delivery, "/roadcrew plan also write more.py")
    assert delivery.go_on().verdict == "merged"
    assert [(task.title, str(task.status)) for task in delivery.tasks()][1] == (
        "Do what you asked: also write more.py",
        "done",
    )
