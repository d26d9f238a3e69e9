"""What a person reads last of a command that worked on a delivery: how it ended and what to do next."""

from __future__ import annotations

from roadcrew.output import print_data, print_line
from roadcrew.standing import Standing


def print_standing(command: str, standing: Standing, as_json: bool) -> None:
    """Print where a delivery stands at the end of a command."""
    if as_json:
        print_data(command, standing)
        return
    for line in closing_lines(standing, None):
        print_line(line)


def closing_lines(standing: Standing, branch: str | None) -> list[str]:
    """Return what a person should read at the end of a run."""
    lines = [f"{standing.key} {standing.title}: {standing.verdict or standing.status}"]
    if standing.pull_request:
        lines.append(f"  pull request  {standing.pull_request}")
    if branch:
        lines.append(f"  in your repository  branch {branch}")
    cost = f", ${standing.cost_usd:.2f}" if standing.cost_usd is not None else ""
    lines.append(f"  {standing.calls} model calls, {standing.tokens:,} tokens{cost}")
    if standing.status == "failed" and standing.failure is not None:
        lines.append(f"  stands still: {standing.failure.message}")
        lines += [f"  hint: {standing.failure.hint}"] if standing.failure.hint else []
        lines.append(f"  go on with: roadcrew retry {standing.key}")
    if standing.status == "waiting":
        lines += _waiting_lines(standing)
    return lines


def _waiting_lines(standing: Standing) -> list[str]:
    """Return what a delivery waits for, and what a person can do about it."""
    blocked = [task for task in standing.tasks if task.status == "blocked"]
    if blocked:
        stuck = [f"  {task.key} is blocked: {task.stage}" for task in blocked]
        look = f"  look at it with: roadcrew history {standing.key}"
        return [*stuck, look, f"  then: roadcrew retry {standing.key}, or roadcrew stop {standing.key}"]
    waits = [f"  waits for {standing.waits_for}"]
    return [*waits, f"  approve with: roadcrew approve {standing.key}"] if "approval" in standing.waits_for else waits
