"""Long work whose beginning takes long, and which then fails."""

import threading

import pytest

from devctl.errors import LaunchRefused, NoSuchResource
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
