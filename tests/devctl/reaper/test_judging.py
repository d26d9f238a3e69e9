"""When an environment counts as idle, with a clock that is passed in."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devctl.reaper.judging import judge
from devctl.reaper.records import ReaperRules, Sample, Situation, Use

T0 = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULES = ReaperRules()
BORN = T0 - 100 * HOUR


def samples(*points: tuple[float, float], started: datetime = BORN) -> tuple[Sample, ...]:
    """Samples by hours after T0 and seconds of processor time."""
    return tuple(Sample(at=T0 + hours * HOUR, started=started, cpu_seconds=used) for hours, used in points)


def every_half_hour(hours: float, used_per_hour: float = 0.0) -> tuple[Sample, ...]:
    return samples(*((step / 2, used_per_hour * step / 2) for step in range(int(hours * 2) + 1)))


def idle(**more: object) -> Situation:
    given = {"phase": "running", "since": BORN, "sessions": (), "samples": every_half_hour(4), **more}
    return Situation.model_validate(given)


NOW = T0 + 4 * HOUR


def test_one_that_nobody_uses_and_that_does_nothing_is_idle() -> None:
    verdict = judge(idle(), RULES, NOW)
    assert (verdict.reap, verdict.reason, verdict.cpu_percent) == (True, "idle", 0.0)
    assert verdict.words == "nobody used it for 4d8h, and it used at most 0.00% of a core over the last 4h"


@pytest.mark.parametrize("kind", ["exec", "attach", "tunnel"])
def test_each_kind_of_use_keeps_it(kind: str) -> None:
    use = {"kind": kind, "at": NOW - 4 * HOUR + timedelta(seconds=1)}
    verdict = judge(idle(uses=(use,)), RULES, NOW)
    assert (verdict.reap, verdict.reason, verdict.due) == (False, "used", NOW + timedelta(seconds=1))
    assert f"the last {kind} was 3h59m ago" in verdict.words
    assert judge(idle(uses=(use,)), RULES, NOW + timedelta(seconds=1)).reap


def test_being_started_counts_as_use() -> None:
    verdict = judge(idle(since=T0 + HOUR), RULES, NOW)
    assert (verdict.reason, verdict.due) == ("used", T0 + 5 * HOUR)
    assert verdict.words == "it was started 3h ago; idle is 4h"


def test_work_keeps_it() -> None:
    verdict = judge(idle(samples=every_half_hour(4, used_per_hour=72)), RULES, NOW)
    assert (verdict.reap, verdict.reason, verdict.cpu_percent) == (False, "busy", 2.0)
    assert judge(idle(samples=every_half_hour(4, used_per_hour=71.9)), RULES, NOW).reap


def test_short_burst_of_work_before_the_time_does_not_keep_it() -> None:
    points = samples((-1, 0), (-0.5, 0), (0, 5000), *((step / 2, 5000) for step in range(1, 9)))
    assert judge(idle(samples=points), RULES, NOW).reap
    assert judge(idle(samples=points), RULES, NOW - timedelta(minutes=1)).reason == "busy"


def test_work_is_told_when_it_will_have_been_long_enough_ago() -> None:
    points = samples(*((step / 2, 0 if step < 2 else 5000) for step in range(9)))
    verdict = judge(idle(samples=points), RULES, NOW)
    assert (verdict.reason, verdict.due) == ("busy", T0 + 5 * HOUR)


def test_time_without_samples_is_no_evidence() -> None:
    for points, words in (
        (samples((3, 0), (4, 0)), "watched for 1h only, as there are no samples before that"),
        (samples((0, 0), (0.5, 0), (3, 0), (4, 0)), "watched for 1h only, as nobody looked for 2h30m before that"),
        (samples((0, 0), (1, 0), (2, 0)), "as the last sample is too old"),
        ((), "as the last sample is too old"),
    ):
        verdict = judge(idle(samples=points), RULES, NOW)
        assert (verdict.reap, verdict.reason) == (False, "unobserved")
        assert words in verdict.words


def test_host_that_was_suspended_starts_the_time_anew() -> None:
    points = (*every_half_hour(3), *samples((23, 0), (23.5, 0), (24, 0)))
    verdict = judge(idle(samples=points), RULES, T0 + 24 * HOUR)
    assert (verdict.reason, verdict.due) == ("unobserved", T0 + 27 * HOUR)
    assert "as nobody looked for 20h before that" in verdict.words


def test_container_that_was_started_anew_starts_the_time_anew() -> None:
    points = (*samples((0, 90), (1, 90), (2, 90)), *samples((2.5, 0), (3, 0), (4, 0), started=T0 + 2.2 * HOUR))
    verdict = judge(idle(samples=points), RULES, NOW)
    assert (verdict.reason, verdict.due) == ("unobserved", T0 + 6.5 * HOUR)
    assert "started anew at 2030-01-01 02:12:00 UTC" in verdict.words


def test_counter_that_went_back_is_no_evidence() -> None:
    verdict = judge(idle(samples=samples((0, 5), (1, 5), (2, 1), (3, 1), (4, 1))), RULES, NOW)
    assert (verdict.reason, verdict.due) == ("unobserved", T0 + 6 * HOUR)


def test_clock_that_was_put_back_is_no_evidence() -> None:
    use = Use(kind="exec", at=NOW + 2 * HOUR)
    assert "the clock was put back" in judge(idle(uses=(use,)), RULES, NOW).words
    assert "clock was put back" in judge(idle(samples=every_half_hour(6)), RULES, NOW).words


def test_commands_that_run_keep_it() -> None:
    verdict = judge(idle(sessions=("/vscode/bin/code-server --port 0",)), RULES, NOW)
    assert (verdict.reason, verdict.due) == ("attached", None)
    assert "code-server" in verdict.words


def test_session_of_a_dead_program_does_not_keep_it() -> None:
    left = Use(kind="exec", at=T0 - HOUR, open=3)
    assert judge(idle(uses=(left,)), RULES, NOW).reap
    assert judge(idle(uses=(left,), sessions=None), RULES, NOW).reason == "attached"
    open_tunnel = left.model_copy(update={"kind": "tunnel"})
    assert judge(idle(uses=(open_tunnel,), sessions=None), RULES, NOW).reap


def test_kept_ones_are_left_alone_until_their_time_is_over() -> None:
    kept = judge(idle(keep_until=NOW + HOUR), RULES, NOW)
    assert (kept.reason, kept.due) == ("kept", NOW + HOUR)
    assert "for 1h more" in kept.words
    assert judge(idle(keep_until=NOW), RULES, NOW).reap


@pytest.mark.parametrize(("label", "reap"), [("true", False), ("", False), ("false", True), ("2030-01-01", True), ("2031-01-01", False)])  # fmt: skip
def test_label_keeps_for_ever_or_until_a_day(label: str, reap: bool) -> None:
    assert judge(idle(label=label), RULES, NOW).reap == reap


def test_lost_host_is_never_reaped() -> None:
    for situation in (idle(phase="lost"), idle(away="the engine of north does not answer")):
        verdict = judge(situation, RULES, NOW + 1000 * HOUR)
        assert (verdict.reap, verdict.reason) == (False, "host away")


@pytest.mark.parametrize("phase", ["creating", "stopped", "failed", "removing"])
def test_what_does_not_run_is_not_reaped(phase: str) -> None:
    assert judge(idle(phase=phase), RULES, NOW).words == f"it is {phase}"


def test_paused_one_is_idle_too() -> None:
    assert judge(idle(phase="paused"), RULES, NOW).reap


steps = st.lists(
    st.tuples(
        st.floats(1, 7200),  # seconds to the next look
        st.floats(0, 1),  # share of a core used until then
        st.sampled_from(["", "", "", "", "", "", "exec", "attach", "tunnel", "restart", "asleep"]),
    ),
    min_size=1,
    max_size=60,
)


class Story:
    """What really happened to an environment, minute by minute, beside what the reaper was shown of it."""

    def __init__(self) -> None:
        self.now, self.started, self.counter = T0, T0, 0.0
        self.samples: list[Sample] = []
        self.uses: dict[str, Use] = {}
        self.work: list[tuple[datetime, datetime, float]] = []
        self.unseen = T0

    def go(self, seconds: float, share: float, event: str) -> None:
        before = self.now
        self.now += timedelta(seconds=seconds * (10 if event == "asleep" else 1))
        if event != "asleep":
            self.counter += seconds * share
            self.work.append((before, self.now, share))
        if event == "restart":
            self.started, self.counter = self.now, 0.0
        elif event in ("exec", "attach", "tunnel"):
            self.uses[event] = Use.model_validate({"kind": event, "at": self.now})
        if self.now - before > RULES.gap or event == "restart":
            self.unseen = self.now
        self.samples.append(Sample(at=self.now, started=self.started, cpu_seconds=self.counter))

    def situation(self) -> Situation:
        return Situation(
            phase="running",
            since=self.started,
            uses=tuple(self.uses.values()),
            sessions=(),
            samples=tuple(self.samples),
        )

    def really_used(self) -> float:
        """Mean percent of a core over the idle time."""
        begin = self.now - RULES.idle
        parts = ((max(since, begin), until, share) for since, until, share in self.work)
        seconds = sum(max((until - since).total_seconds(), 0) * share for since, until, share in parts)
        return 100 * seconds / RULES.idle_seconds


@settings(max_examples=300, deadline=None)
@given(steps=steps, quiet=st.booleans())
def test_only_idle_ones_are_reaped(steps: list[tuple[float, float, str]], quiet: bool) -> None:
    story = Story()
    for seconds, share, event in steps:
        story.go(seconds, share * 0.03 if quiet else share, event)
        verdict = judge(story.situation(), RULES, story.now)
        if verdict.reap:
            assert all(story.now - use.at >= RULES.idle for use in story.uses.values())
            assert story.now - story.started >= RULES.idle
            assert story.now - story.unseen >= RULES.idle or story.unseen == T0
            assert story.really_used() < RULES.cpu_percent
        else:
            assert verdict.words


@settings(max_examples=200, deadline=None)
@given(steps=steps, pause=st.floats(60, 1800))
def test_idle_ones_are_reaped_in_the_end(steps: list[tuple[float, float, str]], pause: float) -> None:
    story = Story()
    for step in steps:
        story.go(*step)
    rest = story.now
    while not judge(story.situation(), RULES, story.now).reap:
        assert story.now - rest <= RULES.idle + 2 * timedelta(seconds=pause)
        story.go(pause, 0.0, "")


@settings(max_examples=200, deadline=None)
@given(steps=steps)
def test_due_is_no_later_than_the_moment_at_which_it_is_idle(steps: list[tuple[float, float, str]]) -> None:
    story = Story()
    for step in steps:
        story.go(*step)
    promised = judge(story.situation(), RULES, story.now).due
    assert promised is not None
    while not (verdict := judge(story.situation(), RULES, story.now)).reap:
        story.go(600, 0.0, "")
    assert verdict.reap
    assert promised <= story.now
