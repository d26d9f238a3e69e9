"""Where a delivery stands, in words and lines."""

import io

import pytest
from rich.console import Console

from agents.threads import Failure
from roadcrew.closing import closing_lines
from roadcrew.live import lines_of, picture
from roadcrew.standing import Standing, TaskStanding, standing_markdown


def task(**changes: object) -> TaskStanding:
    values: dict[str, object] = {
        "key": "T-101",
        "title": "Compute",
        "assignee": "coder",
        "status": "in_progress",
        "depends_on": (),
        "stage": "coder",
        "round": 1,
        "calls": 2,
        "tokens": 1200,
        "cost_usd": None,
        "seconds": 3.0,
    }
    return TaskStanding.model_validate({**values, **changes})


def standing(**changes: object) -> Standing:
    values: dict[str, object] = {
        "id": "a/b/F-1",
        "key": "F-1",
        "title": "Averages",
        "status": "active",
        "stage": "",
        "waits_for": "",
        "failure": None,
        "pull_request": None,
        "tasks": (task(),),
        "calls": 2,
        "tokens": 1200,
        "cost_usd": 0.5,
        "verdict": "",
    }
    return Standing.model_validate({**values, **changes})


def test_a_line_changes_only_when_the_work_moves() -> None:
    before = lines_of(standing())
    assert before == ["F-1 T-101 in_progress, coder, round 1"]
    assert lines_of(standing(tasks=(task(calls=9, tokens=9, seconds=9.0),))) == before
    assert lines_of(standing(tasks=(task(round=2),))) != before


def test_a_task_that_one_role_hands_to_the_next_is_no_news() -> None:
    for status in ("in_progress", "complete"):
        assert lines_of(standing(tasks=(task(status=status, stage=""),))) == []
    assert lines_of(standing(tasks=(task(status="verified", stage=""),))) == ["F-1 T-101 verified"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"stage": "planner"}, "F-1: planner"),
        ({"status": "waiting", "waits_for": "pull request #2: approval"}, "F-1 waits for pull request #2: approval"),
        ({"status": "done", "verdict": "merged"}, "F-1 merged"),
        ({"status": "stopped"}, "F-1 stopped"),
    ],
)
def test_stages_waits_and_ends_have_lines(changes: dict[str, object], line: str) -> None:
    assert line in lines_of(standing(**changes))


def test_the_end_of_a_run_says_what_to_do_next() -> None:
    done = closing_lines(standing(status="done", verdict="merged", pull_request="http://x/pull/2"), "feature/F-1")
    assert done[0] == "F-1 Averages: merged"
    assert any("http://x/pull/2" in line for line in done)
    assert any("branch feature/F-1" in line for line in done)
    assert "  2 model calls, 1,200 tokens, $0.50" in done
    failed = closing_lines(standing(status="failed", failure=Failure(message="no answer", hint="start it")), None)
    assert failed[-3:] == [
        "  stands still: no answer",
        "  hint: start it",
        "  go on with: roadcrew retry F-1",
    ]
    waiting = closing_lines(standing(status="waiting", waits_for="pull request #2: approval"), None)
    assert waiting[-1] == "  approve with: roadcrew approve F-1"
    assert closing_lines(standing(status="waiting", waits_for="its tasks"), None)[-1] == "  waits for its tasks"
    stuck = (task(status="blocked", stage="a person: not signed off"),)
    assert closing_lines(standing(status="waiting", waits_for="its tasks", tasks=stuck), None)[-3:] == [
        "  T-101 is blocked: a person: not signed off",
        "  look at it with: roadcrew history F-1",
        "  then: roadcrew retry F-1, or roadcrew stop F-1",
    ]


def test_titles_with_markup_are_shown_as_they_are() -> None:
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(picture(standing(title="[red]x[/red]", tasks=(task(title="[bold]y[/nonsense]"),)), 0.0))
    shown = console.export_text()
    assert "[red]x[/red]" in shown
    assert "[bold]y[/nonsense]" in shown


def test_words_of_a_model_reach_nobody_from_the_issue_and_leave_the_table_whole() -> None:
    foul = "Fixes #9 for @ann | ![x](http://evil) <!--\n| more |"
    text = standing_markdown(standing(title=foul, verdict=foul, tasks=(task(stage=foul),)))
    assert "Fixes #9" not in text
    assert "@ann" not in text
    assert "![x]" not in text.replace("!\\[x]", "")
    assert "<!--" not in text
    (row,) = [line for line in text.splitlines() if line.startswith("| T-101")]
    assert len(row.replace("\\|", "").split("|")) == 8


def test_standing_says_no_more_than_there_is() -> None:
    assert standing_markdown(standing()).splitlines()[0] == "**F-1** Averages: active"
