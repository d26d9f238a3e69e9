"""Whether 8 processes that claim the same 1,000 tasks claim each of them once, on both stores.

    .venv/bin/python -m bench.claims [--tasks 1000] [--processes 8]

Runs on a new embedded store, and on the Neo4j server of ROADCREW_TEST_NEO4J_URI. Exits with 1 when a task was claimed
twice or not at all. `tests/graph/test_claims.py` does the same with fewer tasks.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
import tempfile
import time
import uuid
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from bench.roadmap_stores import neo4j_settings
from graph import Change, Feature, GraphSettings, Roadmap, Role, Task
from local import ensure_graph, open_workspace, stop

CHANGE = Change(who="integrator", why="who is first")
TASKS_PER_FEATURE = 100


class Claims(NamedTuple):
    """What came of it."""

    tasks: int
    claimed: int
    """How often a process was told that a task is its own."""
    wrong: tuple[str, ...]
    """Ids of tasks that the roadmap does not have as claimed once: no owner, or not one event."""
    seconds: float

    @property
    def once(self) -> bool:
        """Whether each task was claimed once."""
        return self.claimed == self.tasks and not self.wrong


def race(settings: GraphSettings, owner: str, tasks: int, processes: int) -> Claims:
    """Record tasks and have processes claim all of them at once, each beginning at another task."""
    with Roadmap(settings) as roadmap:
        roadmap.migrate()
        ids = _record(roadmap, owner, tasks)
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_quieten) as pool:
            list(pool.map(_connect, [settings] * processes))
            begin = time.monotonic()
            jobs = [
                pool.submit(claim_all, settings, ids[number:] + ids[:number], f"worker {number}")
                for number in range(processes)
            ]
            claimed = sum(len(job.result()) for job in jobs)
            seconds = time.monotonic() - begin
        return Claims(tasks, claimed, _wrong(roadmap, ids), seconds)


def claim_all(settings: GraphSettings, ids: list[str], me: str) -> list[str]:
    """Return the tasks that this process was told are its own."""
    with Roadmap(settings) as roadmap:
        return [identifier for identifier in ids if roadmap.claim(identifier, me, CHANGE)]


def _quieten() -> None:
    """Keep the driver from telling of each conflict that it tries again: they are what is sought here."""
    logging.getLogger("neo4j").setLevel(logging.ERROR)


def _connect(settings: GraphSettings) -> None:
    """Have a process of the pool import what it needs before the race begins."""
    with Roadmap(settings) as roadmap:
        roadmap.query("RETURN 1")


def _record(roadmap: Roadmap, owner: str, tasks: int) -> list[str]:
    ids: list[str] = []
    for first in range(0, tasks, TASKS_PER_FEATURE):
        issue = first // TASKS_PER_FEATURE + 1
        repository = f"{owner}/r{issue}"
        feature = Feature(
            id=f"{repository}/F-{issue}", key=f"F-{issue}", repository=repository, title="A race", issue=issue
        )
        planned = [
            Task(
                id=f"{repository}/T-{issue}{number:02d}",
                key=f"T-{issue}{number:02d}",
                feature_id=feature.id,
                title="A task",
                assignee=Role.CODER,
            )
            for number in range(min(TASKS_PER_FEATURE, tasks - first))
        ]
        roadmap.record_plan(repository, feature, planned, CHANGE)
        ids += [task.id for task in planned]
    return ids


def _wrong(roadmap: Roadmap, ids: list[str]) -> tuple[str, ...]:
    found = roadmap.query(
        "UNWIND $ids AS id MATCH (t:Task {id: id})"
        " OPTIONAL MATCH (e:Event {subject: id}) WHERE e.what STARTS WITH 'status open -> assigned'"
        " WITH t, count(e) AS claims"
        " WHERE t.status <> 'assigned' OR t.owner IS NULL OR t.attempts <> 1 OR claims <> 1 RETURN t.id",
        {"ids": ids},
    )
    return tuple(str(row[0]) for row in found.rows)


def main() -> int:
    """Race on each store and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=8)
    given = parser.parse_args()
    owner = f"race-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix="rc-", dir="/tmp") as folder:  # noqa: S108 - Unix sockets need short paths
        workspace = open_workspace(Path(folder) / "w")
        settings = GraphSettings(**ensure_graph(workspace)[0].model_dump())
        well = report("embedded", race(settings, owner, given.tasks, given.processes), given.processes)
        stop(workspace)
    foreign = neo4j_settings()
    if foreign is None:
        print("neo4j: not raced, ROADCREW_TEST_NEO4J_URI names no server")
    else:
        well &= report("neo4j", race(foreign, owner, given.tasks, given.processes), given.processes)
    return 0 if well else 1


def report(store: str, came: Claims, processes: int) -> bool:
    """Print one store's line; return whether each task was claimed once."""
    verdict = "each once" if came.once else f"WRONG: {', '.join(came.wrong[:5]) or 'claims and tasks differ'}"
    rate = processes * came.tasks / came.seconds
    print(
        f"{store:9} {processes} processes, {came.tasks} tasks: {came.claimed} claimed, {verdict}; "
        f"{came.seconds:.1f} s, {rate:.0f} tries a second"
    )
    return came.once


if __name__ == "__main__":
    sys.exit(main())
