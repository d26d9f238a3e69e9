"""Which tasks start next: those whose dependencies are verified and whose files nobody else is working on."""

from __future__ import annotations

from fnmatch import fnmatchcase

from agents.crew import ThreadContext
from agents.errors import TurnFailed
from agents.threads import ENDED, Record
from graph import Task

FINISHED = frozenset({"verified", "done", "deployed", "cancelled"})


class Step(Record):
    """What the scheduler sees."""

    start: tuple[str, ...]
    """Ids of the tasks to start now."""
    unfinished: tuple[str, ...]
    """Ids of the tasks that are not verified or cancelled."""
    cancelled: bool
    """Whether a person cancelled the feature in the roadmap."""


def next_tasks(context: ThreadContext) -> Step:
    """Look at the roadmap and at what runs; raises `TurnFailed` when nothing runs and nothing can start."""
    roadmap = context.crew.roadmap
    feature = roadmap.feature(context.feature)
    if feature is None or feature.status == "cancelled":
        return Step(start=(), unfinished=(), cancelled=True)
    tasks = roadmap.tasks(context.feature)
    unfinished = tuple(task.id for task in tasks if task.status not in FINISHED)
    running_ids = {child.id for child in context.crew.threads.children(context.feature) if child.status not in ENDED}
    running = [task for task in tasks if task.id in running_ids]
    ready = [task for task in roadmap.ready_tasks(context.feature) if task.id not in running_ids]
    start = pick(ready, running)
    if unfinished and not start and not running:
        blocked = ", ".join(task.key for task in tasks if task.id in unfinished)
        raise TurnFailed(
            f"no task can start: {blocked} wait for tasks that were cancelled or failed",
            f"reopen or drop those dependencies in the roadmap, then `roadcrew retry {context.feature_key}`",
        )
    return Step(start=tuple(task.id for task in start), unfinished=unfinished, cancelled=False)


def pick(ready: list[Task], running: list[Task]) -> list[Task]:
    """Return the ready tasks that touch no path of a running one or of one picked before."""
    picked: list[Task] = []
    for task in ready:
        if not any(overlap(task.touches, other.touches) for other in [*running, *picked]):
            picked.append(task)
    return picked


def overlap(mine: tuple[str, ...] | list[str], theirs: tuple[str, ...] | list[str]) -> bool:
    """Whether two lists of paths, folders or globs have a path in common."""
    return any(_meet(one, other) for one in mine for other in theirs)


def _meet(one: str, other: str) -> bool:
    one, other = one.strip("/"), other.strip("/")
    if one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/"):
        return True
    return fnmatchcase(one, other) or fnmatchcase(other, one)
