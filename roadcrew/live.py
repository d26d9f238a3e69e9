"""The live view of a delivery: the task graph with each task's stage, round, calls, tokens and time."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agents.errors import StateUnavailable
from graph import GraphUnavailable
from roadcrew.standing import Standing, TaskStanding

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 0.4
PATIENCE_SECONDS = 60.0
BETWEEN_TURNS = ("assigned", "in_progress", "complete")
"""What a task is for a moment while one role hands it to the next: no news."""
COLOURS = {
    "done": "green",
    "verified": "green",
    "complete": "cyan",
    "in_progress": "yellow",
    "assigned": "yellow",
    "blocked": "red",
    "failed": "red",
    "cancelled": "dim",
}
FINISHED = frozenset({"done", "stopped"})


def follow(look: Callable[[], Standing], until: Callable[[Standing], bool]) -> Standing:
    """Show a delivery until ``until`` says so; on a terminal as a table that changes, else a line for each change."""
    if sys.stderr.isatty():
        return _follow_on_terminal(look, until)
    return _follow_in_lines(look, until)


def picture(standing: Standing, started: float) -> RenderableType:
    """Return a delivery as a table."""
    head = Text.assemble(
        (standing.key, "bold"), " ", standing.title, "  ", (standing.stage or standing.status, "yellow")
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("task", "", "after", "status", "stage", "round", "calls", "tokens", "time"):
        table.add_column(column, justify="right" if column in ("round", "calls", "tokens", "time") else "left")
    for task in standing.tasks:
        table.add_row(*_cells(task))
    cost = f", ${standing.cost_usd:.2f}" if standing.cost_usd is not None else ""
    foot = Text(
        f"{standing.calls} calls, {standing.tokens:,} tokens{cost}, {time.monotonic() - started:.0f} s; "
        f"waits for {standing.waits_for or standing.verdict or 'nothing'}",
        style="dim",
    )
    return Group(head, table, foot)


def _cells(task: TaskStanding) -> list[Text]:
    colour = COLOURS.get(task.status, "")
    return [
        Text(task.key, style="bold"),
        Text(task.title[:48]),
        Text(" ".join(task.depends_on), style="dim"),
        Text(task.status, style=colour),
        Text(task.stage[:32]),
        Text(str(task.round or "")),
        Text(str(task.calls or "")),
        Text(f"{task.tokens:,}" if task.tokens else ""),
        Text(f"{task.seconds:.0f}s" if task.seconds else ""),
    ]


def _follow_on_terminal(look: Callable[[], Standing], until: Callable[[Standing], bool]) -> Standing:
    started = time.monotonic()
    standing = look()
    with Live(picture(standing, started), console=Console(stderr=True), refresh_per_second=4) as live:
        while not until(standing):
            time.sleep(REFRESH_SECONDS)
            standing = _look_patiently(look)
            live.update(picture(standing, started))
    return standing


def _follow_in_lines(look: Callable[[], Standing], until: Callable[[Standing], bool]) -> Standing:
    started, said = time.monotonic(), set[str]()
    while True:
        standing = _look_patiently(look)
        for line in lines_of(standing):
            if line not in said:
                said.add(line)
                sys.stderr.write(f"{time.monotonic() - started:6.1f}s  {line}\n")
                sys.stderr.flush()
        if until(standing):
            return standing
        time.sleep(REFRESH_SECONDS)


def _look_patiently(look: Callable[[], Standing]) -> Standing:
    """Look again while a server that died is started again; raises its error when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return look()
        except (StateUnavailable, GraphUnavailable) as fault:
            if time.monotonic() > deadline:
                raise
            logger.warning("looks again: %s", fault.message)
            time.sleep(1)


def lines_of(standing: Standing) -> list[str]:
    """Return what is worth a line of its own, so that a new line means that something changed."""
    lines = [f"{standing.key}: {standing.stage}"] if standing.stage else []
    for task in standing.tasks:
        if task.stage:
            lines.append(f"{standing.key} {task.key} {task.status}, {task.stage}, round {task.round}")
        elif task.status not in BETWEEN_TURNS:
            lines.append(f"{standing.key} {task.key} {task.status}")
    if standing.status in ("waiting", "failed"):
        lines.append(f"{standing.key} waits for {standing.waits_for}")
    if standing.status in FINISHED:
        lines.append(f"{standing.key} {standing.verdict or standing.status}")
    return lines
