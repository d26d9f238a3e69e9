"""The reaper over real environments: with a clock that is passed in, and once with idle times of seconds."""

import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from devctl.admission.audit import AuditFilter, read
from devctl.errors import NotRunning
from devctl.fleet.activity import RecordedActivity
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import EnvironmentRecord
from devctl.metrics.reaping import ReaperCounts
from devctl.reaper.reaper import Looked, Reaper
from devctl.reaper.records import ReaperRules
from tests.devctl.fleets import ADA, fleet_on, wanted

HOUR = timedelta(hours=1)


class Clock:
    """The true time, put forward by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fleet(backend: str, database_url: str) -> Iterator[Fleet]:
    """A fleet on each backend in turn, with a database that knows of no later time."""
    with fleet_on(backend, database_url) as opened:
        yield opened


@pytest.fixture
def docker_fleet(database_url: str) -> Iterator[Fleet]:
    """The same on Docker alone."""
    with fleet_on("docker", database_url) as opened:
        yield opened


@pytest.fixture
def reaper(fleet: Fleet, clock: Clock) -> Reaper:
    return Reaper(fleet, clock=clock)


def watch(reaper: Reaper, clock: Clock, hours: float) -> list[Looked]:
    """Pass every half hour, for so long; returns what was said last of each environment."""
    looked: dict[str, Looked] = {}
    for _ in range(round(hours * 2)):
        clock.ahead += HOUR / 2
        looked |= {one.name: one for one in reaper.run_pass()}
    return list(looked.values())


def up(fleet: Fleet, backend: str, name: str = "one", **more: object) -> EnvironmentRecord:
    return fleet.up(ADA, wanted(backend, name, **more))


def test_passes_are_counted_by_what_they_said(fleet: Fleet, backend: str, reaper: Reaper, clock: Clock) -> None:
    registry = CollectorRegistry()
    counts = ReaperCounts(fleet.parts.database, registry)
    counts.update()
    assert registry.get_sample_value("devctl_reaper_pass_timestamp_seconds") is None
    up(fleet, backend)
    watch(reaper, clock, 4.5)
    counts.update()
    value = registry.get_sample_value
    assert value("devctl_reaper_passes_total") == 9
    assert value("devctl_reaper_stopped_total", {"reason": "idle"}) == 1
    assert value("devctl_reaper_left_total", {"reason": "used"}) == 7
    assert value("devctl_reaper_left_total", {"reason": "idle"}) in (None, 0)
    assert (value("devctl_reaper_pass_seconds") or 0) > 0
    reaper.run_pass(dry_run=True)
    counts.update()
    assert value("devctl_reaper_passes_total") == 9


def test_idle_one_is_stopped_and_not_removed(fleet: Fleet, backend: str, reaper: Reaper, clock: Clock) -> None:
    up(fleet, backend)
    assert fleet.exec(ADA, "one", ["sh", "-c", "echo kept >note"]).exit_code == 0
    [left] = reaper.run_pass()
    assert (left.stopped, left.verdict.reason) == (False, "used")
    [left] = watch(reaper, clock, 3.5)
    assert left.verdict.reason == "used"
    [left] = watch(reaper, clock, 1)
    assert left.stopped, left
    record = fleet.get(ADA, "one")
    assert record.phase == "stopped"
    assert record.why.startswith("stopped by the reaper: nobody used it for 4h")
    [line] = read(reaper._database, AuditFilter(who="reaper"))
    assert (line.operation, line.subject) == ("stop", "one")
    assert reaper.explain(record).words == "it is stopped"
    assert reaper.run_pass() == []
    clock.ahead = timedelta()
    fleet.start(ADA, "one")
    assert fleet.exec(ADA, "one", ["cat", "note"]).output == "kept\n"
    assert reaper.explain(fleet.get(ADA, "one")).reason == "used"


def test_use_puts_it_off(fleet: Fleet, backend: str, reaper: Reaper, clock: Clock) -> None:
    up(fleet, backend)
    reaper.run_pass()
    watch(reaper, clock, 3)
    used = "INSERT INTO activity (environment, kind, at) SELECT id, 'tunnel', %s FROM environment RETURNING kind"
    reaper._database.rows(used, clock())
    [left] = watch(reaper, clock, 2)
    assert (left.stopped, left.verdict.reason) == (False, "used")
    [left] = watch(reaper, clock, 2.5)
    assert left.stopped


def test_kept_one_is_left_alone(fleet: Fleet, backend: str, reaper: Reaper, clock: Clock) -> None:
    up(fleet, backend)
    up(fleet, backend, "two", labels={"keep-alive": "true"})
    reaper.run_pass()
    fleet.keep(ADA, "one", clock() + 6 * HOUR)
    one, two = watch(reaper, clock, 5.5)
    assert (one.verdict.reason, two.verdict.reason) == ("kept", "kept")
    one, two = watch(reaper, clock, 1)
    assert (one.stopped, two.stopped) == (True, False)


def test_gap_between_passes_is_no_evidence(fleet: Fleet, backend: str, reaper: Reaper, clock: Clock) -> None:
    up(fleet, backend)
    reaper.run_pass()
    clock.ahead += 9 * HOUR
    [left] = reaper.run_pass()
    assert (left.stopped, left.verdict.reason) == (False, "unobserved")
    assert "nobody looked for 9h before that" in left.verdict.words
    [left] = watch(reaper, clock, 4)
    assert left.stopped


def test_dry_run_stops_nothing_and_says_what_it_would(fleet: Fleet, backend: str, reaper: Reaper, clock: Clock) -> None:
    up(fleet, backend)
    for _ in range(10):
        [looked] = reaper.run_pass(dry_run=True)
        clock.ahead += HOUR / 2
    assert (looked.verdict.reap, looked.stopped) == (True, False)
    assert fleet.get(ADA, "one").phase == "running"


def test_command_that_begins_meanwhile_wins(fleet: Fleet, backend: str, reaper: Reaper, clock: Clock) -> None:
    record = up(fleet, backend)
    reaper.run_pass()
    watch(reaper, clock, 3.5)
    with reaper._database.transaction() as connection:
        connection.execute(
            "SELECT pg_advisory_xact_lock_shared(hashtextextended('devctl.environment:' || %s, 0))", [record.id]
        )
        [left] = watch(reaper, clock, 1.5)
    assert (left.stopped, left.note) == (False, "somebody uses it at this moment")
    [left] = reaper.run_pass()
    assert left.stopped
    with pytest.raises(NotRunning, match="was stopped at this moment: stopped by the reaper"):
        RecordedActivity(reaper._database).note(record.id, "exec")


def test_passes_of_two_processes_do_not_overlap(fleet: Fleet, backend: str, reaper: Reaper) -> None:
    up(fleet, backend)
    with reaper._database.transaction() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(7236010)")
        assert reaper.run_pass() == []
    assert len(reaper.run_pass()) == 1


def test_looking_is_no_use(fleet: Fleet, backend: str, reaper: Reaper) -> None:
    record = up(fleet, backend)
    before = reaper._database.rows("SELECT * FROM activity")
    for _ in range(3):
        reaper.run_pass()
        reaper.explain(record)
    assert reaper._database.rows("SELECT * FROM activity") == before
    assert len(reaper._database.rows("SELECT * FROM sample")) == 3


def test_running_command_keeps_it(fleet: Fleet, backend: str, reaper: Reaper, clock: Clock) -> None:
    record = up(fleet, backend)
    with fleet.open_exec(ADA, "one", ["sleep", "60"]):
        reaper.run_pass()
        [left] = watch(reaper, clock, 5)
        assert (left.stopped, left.verdict.reason) == (False, "attached")
    assert reaper.explain(record).reason != "attached"


def test_editor_that_attaches_past_devctl_keeps_it(docker_fleet: Fleet, clock: Clock) -> None:
    reaper = Reaper(docker_fleet, clock=clock)
    record = up(docker_fleet, "docker")
    argv = ["docker", "exec", "--detach", str(record.container), "sleep", "300"]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    reaper.run_pass()
    [left] = watch(reaper, clock, 5)
    assert (left.stopped, left.verdict.reason) == (False, "attached")
    assert "sleep 300" in left.verdict.words


def test_engine_that_is_away_saves_it(docker_fleet: Fleet, clock: Clock) -> None:
    record = up(docker_fleet, "docker")
    Reaper(docker_fleet, clock=clock).run_pass()
    docker_fleet.parts.database.rows("UPDATE environment SET phase = 'lost' WHERE id = %s RETURNING id", record.id)
    [left] = watch(Reaper(docker_fleet, clock=clock), clock, 9)
    assert (left.stopped, left.verdict.reason) == (False, "host away")


def test_working_one_is_left_and_idle_one_stopped_within_seconds(docker_fleet: Fleet) -> None:
    rules = ReaperRules(idle_seconds=4, pass_seconds=0.5)
    up(docker_fleet, "docker", "works", command=("sh", "-c", "while :; do :; done"))
    up(docker_fleet, "docker", "rests", command=("sleep", "300"))
    reaper, stop = Reaper(docker_fleet, rules), threading.Event()
    thread = threading.Thread(target=reaper.run, args=(stop,))
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while docker_fleet.get(ADA, "rests").phase == "running" and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        stop.set()
        thread.join()
    assert docker_fleet.get(ADA, "rests").why.startswith("stopped by the reaper: nobody used it for")
    verdict = reaper.explain(docker_fleet.get(ADA, "works"))
    assert (docker_fleet.get(ADA, "works").phase, verdict.reason) == ("running", "busy")
    assert verdict.cpu_percent is not None
    assert verdict.cpu_percent > rules.cpu_percent


def test_clock_that_was_put_back_does_not_end_the_passes(docker_fleet: Fleet) -> None:
    clock = Clock()
    clock.ahead = 1000 * HOUR
    Reaper(docker_fleet, clock=clock).run_pass()
    reaper = Reaper(docker_fleet)
    assert reaper.wait() == 0
    reaper.run_pass()
    assert 0 < reaper.wait() <= reaper.rules.pass_seconds
