"""A feature's story on a terminal: what was asked, planned, tried, found, merged and said."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from graph import Artifact, CostReport, Event, Round, Story, TaskStory, Turn, cost_report
from roadcrew.costs import duration, money

WIDTH = 80
"""Columns, where the terminal has as many."""
STYLES = {
    "done": "green",
    "verified": "green",
    "deployed": "green",
    "failed": "red",
    "blocked": "red",
    "cancelled": "yellow",
}
Line = tuple[str, Text]
"""What stands in the margin, and what is told."""


def print_story(story: Story, stream: TextIO | None = None) -> None:
    """Print the story for people."""
    stream = stream or sys.stdout
    width = min(WIDTH, Console(file=stream).width) if stream.isatty() else WIDTH
    console = Console(file=stream, width=width, highlight=False)
    for title, lines in sections(story):
        console.print(Text(title, style="bold"))
        console.print(_laid_out(lines))


def sections(story: Story) -> Iterator[tuple[str, list[Line]]]:
    """Yield the parts of the story, each with its title."""
    feature = story.feature
    yield f"{feature.key}  {plain(feature.title)}", list(_opening(story))
    for task in story.tasks:
        yield f"{task.task.key}  {plain(task.task.title)}", list(_task(task, story.turns))
    said = [event for event in story.events if event.what.startswith("said ")]
    if said:
        yield "What people said", [_said(event) for event in said]
    yield "The end" if str(feature.status) in STYLES else "So far", list(_ending(story))


def _opening(story: Story) -> Iterator[Line]:
    feature = story.feature
    yield "issue", Text(f"{feature.repository} #{feature.issue}")
    if feature.rationale:
        yield "why", Text(plain(feature.rationale))
    planned = next((event for event in story.events if event.what == "planned"), None)
    when = f" on {planned.at:%Y-%m-%d at %H:%M} UTC" if planned else ""
    yield "planned", Text(f"{len(story.tasks)} {'task' if len(story.tasks) == 1 else 'tasks'}{when}")
    if feature.branch:
        yield "branch", Text(feature.branch)
    for turn in story.turns:
        if turn.subject == feature.id:
            yield turn.role, _used(turn)
    for stage, margin in (("baseline", "at the base"), ("plan", "to build"), ("research", "looked up")):
        yield from _kept(story, stage, margin)


def _kept(story: Story, stage: str, margin: str) -> Iterator[Line]:
    """Yield the files that the work on the whole feature left at one point."""
    left = [artifact for artifact in story.artifacts if artifact.stage == stage]
    if left:
        yield margin, _files(left)


def _task(told: TaskStory, turns: tuple[Turn, ...]) -> Iterator[Line]:
    task = told.task
    status = Text(str(task.status), style=STYLES.get(str(task.status), ""))
    yield "status", status + Text(f", {task.kind} for the {task.assignee}, priority {task.priority}")
    if task.depends_on:
        yield "after", Text(", ".join(other.rpartition("/")[2] for other in task.depends_on))
    if task.touches:
        yield "touches", Text(plain(", ".join(task.touches)))
    mine = [turn for turn in turns if turn.subject == task.id]
    for round_ in told.rounds:
        yield f"round {round_.run.number}", Text()
        yield from _round(round_, [turn for turn in mine if turn.round == round_.run.number])


def _round(round_: Round, turns: list[Turn]) -> Iterator[Line]:
    """Yield a round's verdicts, each followed by what stands behind it."""
    for turn in turns or [_bare_turn(round_)]:
        yield f"  {turn.role}", _used(turn)
        if turn.role == "reviewer":
            yield from _review(round_)
    for commit in round_.commits:
        yield "  merged", Text(f"{commit.sha[:10]} {plain(commit.message)}", style="green")
    for stage, margin in (("round", "  left"), ("merged", "  at merge")):
        left = [artifact for artifact in round_.artifacts if artifact.stage == stage]
        if left:
            yield margin, _files(left)


def _files(left: Iterable[Artifact]) -> Text:
    """Return files with what they are, where the name alone does not say it."""
    told = [f"{one.name} ({one.kind})" if one.kind not in one.name else one.name for one in left]
    return Text(plain(", ".join(told)))


def _review(round_: Round) -> Iterator[Line]:
    for finding in round_.findings:
        text = Text(f"{finding.severity} {finding.key} {plain(finding.path)}: {plain(finding.title)}")
        yield "    found", text + Text(f" ({plain(finding.failure)})" if finding.failure else "", style="dim")
    mended = [key for review in round_.reviews for key in review.resolved]
    if mended:
        yield "    mended", Text(plain(", ".join(mended)))


def _bare_turn(round_: Round) -> Turn:
    """Return the run itself as a turn, where the roadmap has none of it (written by an earlier version)."""
    run = round_.run
    return Turn(
        id=run.id, subject=run.task_id, feature_id="", role=run.role, round=run.number, status="", verdict=run.verdict
    )


def _used(turn: Turn) -> Text:
    """Return a turn's verdict and what it used."""
    calls = sum(use.calls for use in turn.uses)
    tokens = sum(use.prompt_tokens + use.completion_tokens for use in turn.uses)
    used = [f"{calls} calls, {tokens:,} tokens"] if calls else []
    used += [duration(turn.seconds)] if turn.seconds >= 0.5 else []
    verdict = plain(turn.verdict) or ("" if turn.status == "done" else turn.status) or "done"
    return Text(verdict) + Text(f"  {', '.join(used)}" if used else "", style="dim")


def _said(event: Event) -> Line:
    what = event.what.removeprefix("said ")
    words = plain(event.why)
    text = words if what == "word" else f"{what}: {words}" if words else what
    return f"{event.at:%d.%m. %H:%M}", Text(f"{plain(event.who)}: ", style="bold") + Text(text, style="not bold")


def _ending(story: Story) -> Iterator[Line]:
    feature, report = story.feature, cost_report(story.feature, story.turns)
    yield from _kept(story, "review", "asked for")
    for pull in story.pull_requests:
        yield "pull", Text(f"#{pull.number} {pull.state}: {pull.url}")
    last = [event for event in story.events if event.subject == feature.id and event.what.startswith("status ")]
    status = Text(str(feature.status), style=STYLES.get(str(feature.status), ""))
    yield "status", status + Text(f": {plain(last[-1].why)}" if last and last[-1].why else "")
    if story.events:
        began, ended = story.events[0].at, story.events[-1].at
        yield "took", Text(f"{duration((ended - began).total_seconds())}, until {ended:%Y-%m-%d %H:%M} UTC")
    if report.by_role:
        yield "used", Text(_total(report))
    yield from _kept(story, "end", "kept")


def _total(report: CostReport) -> str:
    total = report.total
    tokens = total.prompt_tokens + total.completion_tokens
    return f"{total.calls} calls, {tokens:,} tokens, US dollars: {money(total)}"


def _laid_out(lines: Iterable[Line]) -> Table:
    table = Table.grid(padding=(0, 1), pad_edge=False)
    table.add_column(width=13, no_wrap=True)
    table.add_column(overflow="fold")
    for margin, text in lines:
        table.add_row(Text(f" {margin}", style="cyan"), text)
    table.add_row("", "")
    return table


def plain(text: str) -> str:
    """Return foreign text on one line and without anything that steers a terminal."""
    return "".join(char if char.isprintable() else "�" for char in " ".join(text.split()))
