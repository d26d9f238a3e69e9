"""Tasks as planned: written or brought in line, and linked to what they wait for and touch; no circle gets in."""

from __future__ import annotations

from graph.connection import Transaction
from graph.errors import CycleRefused, NotInRoadmap
from graph.models import PRIORITY_RANK, Change, Task, TaskStatus
from graph.writing import add_event, locked, now, token

RESTARTABLE = frozenset({TaskStatus.OPEN, TaskStatus.BLOCKED, TaskStatus.FAILED, TaskStatus.CANCELLED})


def upsert_task(tx: Transaction, task: Task, change: Change) -> None:
    """Write a task, or bring one that has not begun in line."""
    there = tx.run("lock_task", id=task.id, lock=token())
    if there and TaskStatus(there[0]["status"]) not in RESTARTABLE:
        return
    values = task.model_dump(mode="json", exclude={"depends_on", "touches", "owner", "attempts"})
    tx.run("upsert_task", **values, rank=PRIORITY_RANK[task.priority], at=now())
    if not there:
        add_event(tx, change, task.id, "planned")


def unlink(tx: Transaction, task: Task) -> bool:
    """Drop the links of a task as it was planned before; False, and nothing, where it has begun."""
    if TaskStatus(locked(tx, "task", task.id)) not in RESTARTABLE:
        return False
    tx.run("drop_links", id=task.id)
    return True


def link(tx: Transaction, repository: str, task: Task) -> None:
    """Write a task's dependencies and touched paths; raises `CycleRefused` before anything is linked."""
    if task.depends_on:
        _refuse_cycle(tx, task)
    for other in task.depends_on:
        if not tx.run("add_dependency", id=task.id, other=other):
            raise NotInRoadmap(f"{task.id} depends on {other}, which is not in the roadmap", "record that task first")
    for path in task.touches:
        tx.run("add_touch", id=task.id, file_id=f"{repository}:{path}", path=path, repository=repository)


def _refuse_cycle(tx: Transaction, task: Task) -> None:
    """Follow what the task would depend on; it must not lead back to it.

    What is passed on the way is locked, so that no other transaction closes the circle at the same time.
    """
    came_from: dict[str, str] = {}
    front = list(task.depends_on)
    for other in front:
        came_from.setdefault(other, task.id)
    while front:
        if task.id in front:
            raise CycleRefused(
                f"the dependencies go round: {' -> '.join(_way(came_from, task.id))}", "remove one of them"
            )
        reached = tx.run("dependencies_of", ids=sorted(front), lock=token())
        front = []
        for row in reached:
            if row["other"] not in came_from:
                came_from[row["other"]] = row["id"]
                front.append(row["other"])


def _way(came_from: dict[str, str], end: str) -> list[str]:
    way = [end]
    while len(way) == 1 or way[-1] != end:
        way.append(came_from[way[-1]])
    return way[::-1]
