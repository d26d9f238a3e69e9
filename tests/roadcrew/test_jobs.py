"""The queues' workers: a job is done by whoever takes it over, whatever the one before still says of it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from threading import Event, Thread

import pytest
from pydantic import JsonValue

from agents.crew import TurnContext
from agents.engine import Engine
from agents.errors import Fenced
from roadcrew.jobs import Worker, WorkerSettings
from tests.e2e.crewmates import crewmates
from tests.e2e.offices import Delivery, MakeOffice
from tests.local.processes import wait_until
from tools.errors import CodeHostUnavailable

PATIENCE = 60.0
SILENT = WorkerSettings(
    queues=("flow", "tester"), concurrency=1, heartbeat_seconds=3600, stalled_seconds=1, poll_seconds=3600
)
LIVELY = WorkerSettings(queues=("flow", "tester"), heartbeat_seconds=0.2, stalled_seconds=1, poll_seconds=3600)


@pytest.fixture
def delivery(office: MakeOffice, repository: Path) -> Delivery:
    """An issue that nobody works on."""
    return office(crewmates()).file(repository)


class Seat:
    """The Tester's play: each call tells that it began, and ends when it may."""

    def __init__(self, *answers: dict[str, JsonValue] | Exception) -> None:
        self.began, self.may_end = Event(), Event()
        self._answers = list(answers)
        self.calls = 0

    def __call__(self, _context: TurnContext) -> dict[str, JsonValue]:
        self.calls += 1
        self.began.set()
        assert self.may_end.wait(PATIENCE)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextmanager
def serving(delivery: Delivery, seat: Seat, settings: WorkerSettings) -> Iterator[None]:
    """Serve the queues with a worker whose Tester plays this seat."""
    engine = Engine(delivery.office.crew, delivery.office.queue, {"tester": seat})
    worker = Worker(delivery.office.url, engine, settings, lambda: None)
    thread = Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        seat.may_end.set()
        worker.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_worker_that_was_taken_for_dead_ends_no_job_of_the_one_that_took_over(delivery: Delivery) -> None:
    away = CodeHostUnavailable("the code host does not answer")
    first, second = Seat({"verdict": "too late"}), Seat(away, {"verdict": "done"})
    with ExitStack() as dead, ExitStack() as living:
        dead.enter_context(serving(delivery, first, SILENT))
        delivery.begin()
        assert first.began.wait(PATIENCE)
        living.enter_context(serving(delivery, second, LIVELY))
        assert second.began.wait(PATIENCE)
        dead.close()  # it ends its job, late, and says so
        second.may_end.set()
        assert result_of(delivery) == {"verdict": "done"}
    assert second.calls == 2


def result_of(delivery: Delivery) -> dict[str, JsonValue] | None:
    """Wait for the end of the delivery's first turn."""
    for _ in range(int(PATIENCE / 0.1)):
        (turn, *_) = delivery.office.crew.turns.of([delivery.thread])
        if turn.status == "done":
            return turn.result
        Event().wait(0.1)
    return None


def test_who_was_replaced_is_told_so_and_takes_nothing_back(delivery: Delivery) -> None:
    engine, crew = delivery.office.engine, delivery.office.crew

    def replaced(context: TurnContext) -> dict[str, JsonValue]:
        assert crew.turns.take(context.turn.id, "somebody else") is not None
        return {"verdict": "too late"}

    delivery.begin()
    engine.advance(delivery.thread)
    (turn,) = crew.turns.of([delivery.thread])
    for _ in range(10):  # when the server's answer is looked at differs from time to time
        with pytest.raises(Fenced):
            Engine(crew, delivery.office.queue, {"tester": replaced}).run_turn(turn.id)
    assert [one.status for one in crew.turns.of([delivery.thread])] == ["running"]


def test_a_fault_while_news_are_asked_for_does_not_end_the_asking(delivery: Delivery) -> None:
    asked_again, calls = Event(), count(1)

    def poll() -> None:
        if next(calls) == 1:
            raise ValueError("what nobody foresaw")
        asked_again.set()

    settings = LIVELY.model_copy(update={"poll_seconds": 0.05})
    worker = Worker(delivery.office.url, delivery.office.engine, settings, poll)
    thread = Thread(target=worker.run)
    thread.start()
    try:
        assert asked_again.wait(PATIENCE)
    finally:
        worker.stop()
        thread.join(PATIENCE)


STOPPED = WorkerSettings(
    queues=("flow", "tester"), heartbeat_seconds=3600, stalled_seconds=3600, poll_seconds=3600, grace_seconds=0.1
)


def test_a_stopped_worker_leaves_its_turn_to_the_next_one_at_once(delivery: Delivery) -> None:
    first, second = Seat(ValueError("its edges were closed under it")), Seat({"verdict": "done"})
    engine = Engine(delivery.office.crew, delivery.office.queue, {"tester": first})
    stopped = Worker(delivery.office.url, engine, STOPPED, lambda: None)
    thread = Thread(target=stopped.run)
    thread.start()
    delivery.begin()
    assert first.began.wait(PATIENCE)
    stopped.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive() and stopped.is_busy, "it ends while the Tester is still at its turn"
    try:
        with serving(delivery, second, STOPPED):
            assert second.began.wait(PATIENCE), "nobody is taken for dead within an hour: the turn was put back"
            first.may_end.set()
            wait_until(lambda: not stopped.is_busy)
            second.may_end.set()
            assert result_of(delivery) == {"verdict": "done"}
    finally:
        first.may_end.set()
    assert delivery.look().failure is None
    jobs = delivery.office.crew.database.rows(
        "SELECT attempts FROM procrastinate_jobs WHERE status IN ('failed', 'aborted') AND args->>'turn' IS NOT NULL"
        " AND (args->>'turn')::bigint IN (SELECT id FROM turn WHERE thread = %s)",
        delivery.thread,
    )
    assert jobs == []


def test_a_job_that_ends_in_the_time_of_grace_is_not_put_back(delivery: Delivery) -> None:
    seat = Seat({"verdict": "done"})
    engine = Engine(delivery.office.crew, delivery.office.queue, {"tester": seat})
    worker = Worker(delivery.office.url, engine, STOPPED.model_copy(update={"grace_seconds": PATIENCE}), lambda: None)
    thread = Thread(target=worker.run)
    thread.start()
    delivery.begin()
    assert seat.began.wait(PATIENCE)
    worker.stop()
    seat.may_end.set()
    thread.join(PATIENCE)
    assert result_of(delivery) == {"verdict": "done"}
    assert seat.calls == 1
