"""What is read from the code host at every poll: old words bring about nothing new, and one silent place hides no other."""

from pathlib import Path

import pytest

from agents.threads import new_thread
from roadcrew.intake import Intake
from tests.e2e.crewmates import crewmates, gives, in_turn, writes
from tests.e2e.offices import Delivery, MakeOffice
from tests.e2e.plans import code_task, function, planned
from tools.codehost import Comment


@pytest.fixture
def delivery(office: MakeOffice, repository: Path) -> Delivery:
    """An issue with our label that nobody works on."""
    return office(crewmates()).file(repository)


def say(delivery: Delivery, key: str, body: str) -> Comment:
    """Have the person comment on the issue."""
    written = delivery.person().upsert_comment(delivery.number, f"<!-- roadcrew:said:{key} -->", body)
    return Comment(id=written.id, author="you", body=body, url=written.url, created_at=written.created_at)


def kinds(delivery: Delivery, thread: str) -> list[str]:
    return [letter.kind for letter in delivery.office.crew.threads.unread(thread)]


def test_an_old_retry_does_not_retry_what_fails_later(delivery: Delivery) -> None:
    crew, intake = delivery.office.crew, Intake(delivery.office.engine)
    delivery.begin()
    heard = say(delivery, "retry", "/roadcrew retry")
    intake.comment(delivery.place.repository, delivery.number, heard)
    assert kinds(delivery, delivery.thread) == ["retry"]
    task = new_thread(
        f"{delivery.place.repository}/T-1", "task", delivery.place.repository, delivery.number, delivery.thread
    )
    with crew.database.transaction() as connection:
        crew.threads.start(connection, task)
    lease = crew.threads.take(task.id, "me")
    with crew.database.transaction() as connection:
        crew.threads.settle(connection, lease, "failed", ["a person"])
    intake.comment(delivery.place.repository, delivery.number, heard)
    assert kinds(delivery, task.id) == []
    again = say(delivery, "again", "/roadcrew retry")
    intake.comment(delivery.place.repository, delivery.number, again)
    assert kinds(delivery, task.id) == ["retry"]


@pytest.mark.parametrize("body", ["/roadcrew plan", "/roadcrew plan with as few files as you can"])
def test_the_comment_that_begins_a_delivery_is_not_heard_as_a_change_of_its_plan(delivery: Delivery, body: str) -> None:
    intake, threads = Intake(delivery.office.engine), delivery.office.crew.threads
    heard = say(delivery, "plan", body)
    for _ in range(2):
        intake.comment(delivery.place.repository, delivery.number, heard)
    assert threads.get(delivery.thread) is not None
    assert "replan" not in kinds(delivery, delivery.thread)


def test_a_pull_request_that_is_as_it_was_before_is_news_again(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=in_turn(gives(planned(code_task()))), coder=writes(*function("average")))
    delivery = office(mates).file(repository)
    assert delivery.run(yes=False).status == "waiting"
    intake, threads = Intake(delivery.office.engine), delivery.office.crew.threads
    thread = threads.get(delivery.thread)
    assert thread is not None
    (pull,) = delivery.office.crew.reader.pull_requests(delivery.thread)
    head = delivery.host.pull_request(pull.number).head_sha
    told = []
    for state in ("success", "success", "failure", "failure", "success"):
        delivery.host.set_status(head, "somebody/else", state)
        intake.news(thread)
        told.append(threads.told_last(thread.id, f"pull:{pull.number}:")[0])
    assert [number - told[0] for number in told] == [0, 0, 1, 1, 2]


def test_a_repository_that_is_gone_hides_no_news_of_others(delivery: Delivery) -> None:
    crew = delivery.office.crew
    gone = new_thread("you/gone/F-1", "feature", "you/gone", 1, None)
    with crew.database.transaction() as connection:
        crew.threads.start(connection, gone)
        connection.execute("UPDATE thread SET created_at = '2000-01-01' WHERE id = %s", [gone.id])
    delivery.begin()
    delivery.person().upsert_comment(delivery.number, "<!-- roadcrew:said:word -->", "be quick")
    try:
        Intake(delivery.office.engine).poll()
        assert [word.text for word in crew.threads.words(delivery.thread)] == ["be quick"]
    finally:
        with crew.database.transaction() as connection:
            connection.execute("UPDATE thread SET status = 'done' WHERE id = %s", [gone.id])
