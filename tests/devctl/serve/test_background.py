"""Work beside the requests: it ends with its service, whatever else is just being begun."""

import threading
from pathlib import Path

import pytest

from devctl.errors import StateUnavailable
from devctl.fleet import open_fleet
from devctl.serve.background import Background
from devctl.serve.server import Server
from devctl.serve.settings import ServeSettings
from devctl.settings import DevctlSettings

ROUNDS = 50


def begin_much(background: Background, go: threading.Barrier) -> None:
    """Begin pieces of work, one after the other."""
    go.wait()
    for number in range(20):
        background.once(f"piece {number}", lambda: None)


def test_nothing_is_begun_after_the_end() -> None:
    background, ran = Background(), threading.Event()
    background.stop()
    background.once("late", ran.set)
    background.every("later", 0.001, ran.set, at_once=True)
    assert not ran.wait(0.05)
    assert background.runs == {}


def test_an_end_waits_for_what_is_begun_at_the_same_moment() -> None:
    """A thread that was known before it ran would end the end with an error."""
    for _ in range(ROUNDS):
        background, go = Background(), threading.Barrier(2)
        beginner = threading.Thread(target=begin_much, args=(background, go))
        beginner.start()
        go.wait()
        background.stop()
        ended = background.runs
        beginner.join()
        assert background.runs == ended


def test_counters_can_be_read_while_more_work_is_begun() -> None:
    background, go = Background(), threading.Barrier(2)
    beginner = threading.Thread(target=begin_much, args=(background, go))
    beginner.start()
    go.wait()
    while beginner.is_alive():
        for counters in (background.runs, background.failures):
            for name in counters:
                assert counters[name] in (0, 1)
    beginner.join()
    background.stop()
    assert (sum(background.runs.values()), set(background.failures.values())) == (20, {0})


def test_a_service_whose_database_is_away_says_so_and_leaves_nothing_open(devctl_database: str, tmp_path: Path) -> None:
    settings = DevctlSettings.from_environment({}, folder=tmp_path, backend="docker", database_url=devctl_database)
    before = set(threading.enumerate())
    with open_fleet(settings, None) as fleet:
        server = Server(fleet, settings, ServeSettings(port=0, grace_seconds=0))
    with pytest.raises(StateUnavailable), server.in_background():
        pytest.fail("it serves without a database")
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith(("devctl", "operations", "waitress")):
            thread.join(60)
            assert not thread.is_alive(), thread.name
    assert server._map == {}, "nothing listens any more"
