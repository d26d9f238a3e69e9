"""Which tasks start next: those whose dependencies are verified and whose files nobody else is working on."""

from __future__ import annotations

import re
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
    """Whether two paths, folders or globs can name the same file; in doubt they can."""
    one, other = _plain(one), _plain(other)
    if one == other or _inside(one, other) or _inside(other, one) or fnmatchcase(one, other) or fnmatchcase(other, one):
        return True
    starts = [re.split(r"[*?\[]", path, maxsplit=1)[0] for path in (one, other)]
    if starts == [one, other]:
        return False
    if starts[0] != one and starts[1] != other:
        return starts[0].startswith(starts[1]) or starts[1].startswith(starts[0])
    folder, glob, start = (other, one, starts[0]) if starts[0] != one else (one, other, starts[1])
    return _inside(start, folder) or ("**" in glob and folder.startswith(start))


def _plain(path: str) -> str:
    parts = [part for part in path.strip().split("/") if part not in ("", ".")]
    return "/".join(parts)


def _inside(path: str, folder: str) -> bool:
    """Whether a path lies in a folder; all lie in the root, which is empty."""
    return not folder or path.startswith(f"{folder}/")
