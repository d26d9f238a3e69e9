"""What the tests of the team share: a PostgreSQL database, and threads and turns in it."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from agents.database import Database
from agents.threads import Lease, Threads, new_thread
from agents.turns import Turn, Turns, WantedTurn
from local import Workspace, ensure_postgres

COUNT = itertools.count(1)


@pytest.fixture(scope="session")
def database(workspace: Workspace) -> Iterator[Database]:
    """The workspace's PostgreSQL with the team's tables."""
    opened = Database(ensure_postgres(workspace), connections=8)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def threads(database: Database) -> Threads:
    return Threads(database)


@pytest.fixture
def turns(database: Database, threads: Threads) -> Turns:
    return Turns(database, threads)


@pytest.fixture
def thread(database: Database, threads: Threads) -> Iterator[str]:
    """A new feature thread, of a repository that no worker knows; for other tests' workers it has ended, before and after."""
    repository = f"nobody/r{next(COUNT)}"
    state = new_thread(f"{repository}/F-1", "feature", repository, 1, None)
    with database.transaction() as connection:
        assert threads.start(connection, state)
        connection.execute("UPDATE thread SET status = 'done' WHERE id = %s", [state.id])
    yield state.id
    with database.transaction() as connection:
        connection.execute("UPDATE thread SET status = 'done' WHERE repository = %s", [repository])


@pytest.fixture
def lease(threads: Threads, thread: str) -> Lease:
    return threads.take(thread, "me")


@pytest.fixture
def new_turn(database: Database, turns: Turns, lease: Lease) -> Callable[..., Turn]:
    """Makes turns that are taken by this process."""

    def make(interrupt: str = "i1") -> Turn:
        with database.transaction() as connection:
            number = turns.want(connection, lease, interrupt, WantedTurn(role="coder", round=1))
        assert number is not None
        taken = turns.take(number, "me")
        assert taken is not None
        return taken

    return make
