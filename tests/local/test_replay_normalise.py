"""What a replay takes out of texts, and what it must leave in."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.replay_normalise import normalise


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("3 passed in 0.12s", "3 passed in <duration>"),
        ("took 12 ms, then 1m 3s, then 2 minutes", "took <duration>, then <duration>, then <duration>"),
        ("at 2026-11-21T05:31:51Z", "at <date>"),
        ("at 2026-11-21 05:31:51.123 +0100", "at <date>"),
        ("Sat Nov 21 05:31:51 2026 +0000", "<date>"),
        ("Sat, 21 Nov 2026 05:31:51 GMT", "<date>"),
        ("released 2026-11-21", "released <date>"),
        ("released 2026/11/21, Nov 21, 2026", "released <date>, <date>"),
        ("at 05:31 or 05:31:51.22", "at <time> or <time>"),
        ("commit 1cf4e7f", "commit <hash>"),
        ("commit 1cf4e7f841c11c4122a720e165df22a00ffbf8d4.", "commit <hash>."),
        ("object at 0x7F59b7f2", "object at <hash>"),
        ("id 123E4567-e89b-12d3-a456-426614174000", "id <uuid>"),
        ("open /tmp/pytest-of-me/2026-01-02/a.py: no", "open <path>: no"),
        ("--root=/srv/x (see '/a/b')", "--root=<path> (see '<path>')"),
        ("http://127.0.0.1:43121/api/v3", "http://127.0.0.1:<port>/api/v3"),
        ("localhost:8080 and [::1]:80, port 5432", "localhost:<port> and [::1]:<port>, port <port>"),
    ],
)
def test_what_may_differ_is_named(text: str, normal: str) -> None:
    assert normalise(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "1 failed, 2 passed",
        "F-1/T-101/coder/1/3",
        "src/app/views.py:12:30: E501",
        "and/or, 1/2, a / b, </div>, <br/>",
        "https://example.org/a/b",
        "exit 127",
        "#1234 of 5678",
        "version 2.11.3",
        "cafe, decade, added",
        "coverage 87.5%",
        "5 steps, 3 modules",
    ],
)
def test_what_a_verdict_hangs_on_stays(text: str) -> None:
    assert normalise(text) == text


hexes = st.text("0123456789abcdef", min_size=7, max_size=40)
parts = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=8)
paths = st.lists(parts, min_size=1, max_size=4).map(lambda names: "/" + "/".join(names))
clocks = st.times().map(lambda time: time.strftime("%H:%M:%S"))
stamps = st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds") + "Z")
durations = st.floats(0, 1e4, allow_nan=False).map(lambda seconds: f"{seconds:.2f}s")
ports = st.integers(1, 65535).map(str)
RUNS = st.tuples(hexes, paths, clocks, stamps, durations, ports, st.uuids().map(str), st.dates().map(str))


def told(run: tuple[str, ...], failed: int) -> str:
    commit, path, clock, stamp, duration, port, uuid, day = run
    return (
        f"Verdict: {failed} failed at {commit} in {duration} ({path}), run {uuid} of {day}\n"
        f"[{clock}] served http://127.0.0.1:{port}/x since {stamp}"
    )


@given(RUNS, RUNS, st.integers(0, 999))
def test_two_runs_of_the_same_outcome_are_the_same(one: tuple[str, ...], two: tuple[str, ...], failed: int) -> None:
    assert normalise(told(one, failed)) == normalise(told(two, failed))


@given(RUNS, RUNS, st.integers(0, 999), st.integers(0, 999))
def test_two_runs_of_different_outcomes_differ(
    one: tuple[str, ...], two: tuple[str, ...], failed: int, other: int
) -> None:
    assert (normalise(told(one, failed)) == normalise(told(two, other))) is (failed == other)


words = st.text(alphabet="0123456789abcdefgsm:/.-<> TZ", max_size=40)


@given(words | st.text() | RUNS.map(lambda run: told(run, 3)))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
