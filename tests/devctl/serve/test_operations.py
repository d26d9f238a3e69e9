"""Long work whose beginning takes long, and which then fails."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from pydantic import JsonValue

from devctl.errors import BuildFailed, DevctlError, LaunchRefused, NoSuchResource
from devctl.fleet.database import Database
from devctl.fleet.records import User
from devctl.serve.operations import Operations, Told, Wanted

ADA = User(name="ada")
WANTED = Wanted(kind="create", subject="blog")


def test_work_refused_before_its_caller_is_answered_leaves_no_operation(database: Database) -> None:
    operations = Operations(database, 1)

    def work(_told: Told) -> None:
        raise LaunchRefused("no", ("as the policy says",))

    with pytest.raises(LaunchRefused):
        operations.begin(ADA, WANTED, work)
    assert database.rows("SELECT id FROM operation") == []


def test_work_that_fails_after_its_caller_was_answered_says_why(database: Database) -> None:
    operations, answered = Operations(database, 1, accept_seconds=0), threading.Event()

    def work(_told: Told) -> None:
        answered.wait(60)
        raise NoSuchResource("the repository does not answer", "try again")

    begun = operations.begin(ADA, WANTED, work)
    assert begun.state == "running"
    answered.set()
    ended = operations.wait(ADA, begun.id, 60)
    assert (ended.state, ended.error and ended.error.kind) == ("failed", "NoSuchResource")


class Held:
    """Work that goes on until the test lets it end."""

    def __init__(self, error: DevctlError | None = None) -> None:
        self.ends = threading.Event()
        self._error = error

    def __call__(self, _told: Told) -> JsonValue:
        assert self.ends.wait(60)
        if self._error is not None:
            raise self._error
        return {"name": "blog"}


@contextmanager
def away(database_url: str) -> Iterator[None]:
    """No statement about operations comes to its end within the block: its connection breaks."""
    with psycopg.connect(database_url) as blocking, psycopg.connect(database_url, autocommit=True) as breaking:
        blocking.execute("LOCK TABLE devctl.operation")
        back = threading.Event()

        def break_off() -> None:
            while not back.wait(0.02):
                breaking.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )

        thread = threading.Thread(target=break_off)
        thread.start()
        try:
            yield
        finally:
            back.set()
            thread.join()


def lapse(database: Database) -> None:
    """Let so much time pass that nobody has renewed what goes on."""
    database.rows("UPDATE operation SET deadline = now() - interval '1 second' RETURNING id")


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_work_that_ends_while_the_database_is_away_reads_as_what_it_became(
    database_url: str, database: Database
) -> None:
    operations = Operations(database, 4, accept_seconds=0)
    works = [Held(), Held(BuildFailed("it broke", log="no luck"))]
    begun = [operations.begin(ADA, WANTED, work) for work in works]
    with away(database_url):
        for work in works:
            work.ends.set()
        until(lambda: operations.running == 0)
    lapse(database)
    done, failed = (operations.get(ADA, one.id) for one in begun)
    assert (done.state, done.result) == ("done", {"name": "blog"})
    assert failed.error is not None and (failed.error.kind, failed.error.log) == ("BuildFailed", "no luck")


def test_others_hear_of_an_end_when_the_database_is_back_and_a_stop_waits_for_that(
    database_url: str, database: Database
) -> None:
    operations, others = Operations(database, 4, 0, renew_seconds=0.05), Operations(database, 4)
    operations.start()
    first, last = Held(), Held()
    begun = [operations.begin(ADA, WANTED, work) for work in (first, last)]
    with away(database_url):
        first.ends.set()
        until(lambda: operations.running == 1)
    until(lambda: others.get(ADA, begun[0].id).state == "done")
    with ThreadPoolExecutor() as beside:
        with away(database_url):
            last.ends.set()
            until(lambda: operations.running == 0)
            stopping = beside.submit(operations.stop, 60)
        assert stopping.result(60) == 0
    assert others.get(ADA, begun[1].id).state == "done"


def test_what_goes_on_here_is_not_lost_though_it_could_not_be_renewed(database: Database) -> None:
    operations, others, work = Operations(database, 4, 0), Operations(database, 4), Held()
    begun = operations.begin(ADA, WANTED.model_copy(update={"key": "k"}), work)
    lapse(database)
    assert others.get(ADA, begun.id).state == "failed"
    assert operations.get(ADA, begun.id).state == "running"
    assert operations.begin(ADA, WANTED.model_copy(update={"key": "k"}), work).state == "running"
    work.ends.set()
    assert operations.wait(ADA, begun.id, 60).state == "done"


def test_what_a_stop_waits_for_is_renewed(database: Database) -> None:
    operations, others, work = Operations(database, 4, 0, renew_seconds=0.05), Operations(database, 4), Held()
    before = set(threading.enumerate())
    operations.start()
    (renewing,) = (one for one in set(threading.enumerate()) - before if one.name == "operations")
    begun = operations.begin(ADA, WANTED, work)
    with ThreadPoolExecutor() as beside:
        stopping = beside.submit(operations.stop, 60)
        assert operations.wait(ADA, begun.id, 60).state == "running", "it answers at once, as the service stops"
        lapse(database)
        until(lambda: others.get(ADA, begun.id).state == "running")
        work.ends.set()
        assert stopping.result(60) == 0
    until(lambda: not renewing.is_alive())


def test_an_error_with_a_character_that_no_database_holds_is_kept_without_it(database: Database) -> None:
    operations, work = Operations(database, 4, 0), Held(BuildFailed("it broke", log="no\0 luck"))
    begun = operations.begin(ADA, WANTED, work)
    work.ends.set()
    ended = operations.wait(ADA, begun.id, 60)
    assert ended.error is not None and ended.error.log == "no luck"
