"""The reading side of the roadmap: its nodes as records, and the questions people ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from pydantic import JsonValue

from graph.connection import Connection, Row
from graph.errors import QueryInvalid
from graph.lessons import Lesson, lessons_about
from graph.models import (
    MET,
    BurndownPoint,
    Event,
    Feature,
    PullRequest,
    QueryResult,
    Run,
    Task,
)
from graph.settings import GraphSettings
from graph.values import plain_row

ROW_LIMIT = 10_000
FINISHED = frozenset({"verified", "done", "deployed", "cancelled"})


class RoadmapReader:
    """Reads one roadmap; use it as a context manager or close it."""

    def __init__(self, settings: GraphSettings) -> None:
        self._connection = Connection(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_fault: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def feature(self, feature_id: str) -> Feature | None:
        """Return one feature, or None."""
        rows = self._connection.read("feature", id=feature_id)
        return feature_of(rows[0]["feature"]) if rows else None

    def features(self, repository: str | None = None, status: str | None = None) -> list[Feature]:
        """Return features, of one repository or in one status where they are named."""
        rows = self._connection.read("features", repository=repository, status=status)
        return [feature_of(row["feature"]) for row in rows]

    def task(self, task_id: str) -> Task | None:
        """Return one task with its dependencies and touched paths, or None."""
        rows = self._connection.read("task", id=task_id)
        return task_of(rows[0]) if rows else None

    def tasks(self, feature_id: str) -> list[Task]:
        """Return a feature's tasks by key."""
        return [task_of(row) for row in self._connection.read("tasks", feature_id=feature_id)]

    def ready_tasks(self, feature_id: str) -> list[Task]:
        """Return a feature's open tasks whose every dependency is verified or later, urgent ones first."""
        rows = self._connection.read("ready_tasks", feature_id=feature_id, met=sorted(MET))
        return [task_of(row) for row in rows]

    def ready(self, assignee: str | None = None, limit: int = 50) -> list[Task]:
        """Return ready tasks over the whole roadmap, urgent ones first, of one role where it is named."""
        rows = self._connection.read("ready", assignee=assignee, limit=limit, met=sorted(MET))
        return [task_of(row) for row in rows]

    def critical_path(self, feature_id: str) -> list[Task]:
        """Return the longest chain of unfinished tasks that wait for one another, first task first."""
        tasks = {task.id: task for task in self.tasks(feature_id) if task.status not in FINISHED}
        longest: dict[str, list[str]] = {}

        def chain(task_id: str) -> list[str]:
            if task_id not in longest:
                before = [chain(other) for other in sorted(tasks[task_id].depends_on) if other in tasks]
                longest[task_id] = [*max(before, key=len, default=[]), task_id]
            return longest[task_id]

        best = max((chain(task_id) for task_id in sorted(tasks)), key=len, default=[])
        return [tasks[task_id] for task_id in best]

    def burndown(self, repository: str | None = None) -> list[BurndownPoint]:
        """Return open and finished tasks at the end of each day on which something changed."""
        state: dict[str, bool] = {}
        points: dict[str, BurndownPoint] = {}
        for row in self._connection.read("task_events", repository=repository):
            state[row["id"]] = row["what"].rpartition("-> ")[2] in FINISHED
            finished = sum(state.values())
            day = row["at"][:10]
            points[day] = BurndownPoint(day=day, open=len(state) - finished, finished=finished)
        return list(points.values())

    def history(self, feature_id: str) -> list[Event]:
        """Return what happened to a feature, its tasks, runs and pull requests, in the order of time."""
        tasks = self.tasks(feature_id)
        runs = [run.id for task in tasks for run in self.runs(task.id)]
        pulls = [pull.id for pull in self.pull_requests(feature_id)]
        subjects = [feature_id, *(task.id for task in tasks), *runs, *pulls]
        return [
            Event(**{**row, "at": datetime.fromisoformat(row["at"].replace("[UTC]", ""))})
            for row in self._connection.read("history", subjects=subjects)
        ]

    def touched(self, repository: str, path: str) -> list[Task]:
        """Return the tasks that are expected to touch, or touched, a path."""
        return [task_of(row) for row in self._connection.read("touched", file_id=f"{repository}:{path}")]

    def lessons(self, repository: str, paths: Sequence[str], limit: int = 10) -> list[Lesson]:
        """Return what earlier reviews taught about these paths, most frequent first, at most ``limit``.

        A path may be a folder or a glob. Lessons about the files themselves come before those about other files
        of the same folders, which fill up what is left of the limit.
        """
        return lessons_about(self._connection, repository, paths, limit)

    def runs(self, task_id: str) -> list[Run]:
        """Return the tries at a task."""
        return [Run.model_validate(_known(row["run"], Run)) for row in self._connection.read("runs", task_id=task_id)]

    def pull_requests(self, feature_id: str) -> list[PullRequest]:
        """Return the pull requests that deliver a feature."""
        rows = self._connection.read("pull_requests", feature_id=feature_id)
        return [PullRequest.model_validate(_known(row["pull"], PullRequest)) for row in rows]

    def query(self, cypher: str, parameters: Mapping[str, Any] | None = None, limit: int = ROW_LIMIT) -> QueryResult:
        """Return the answer to a person's query as plain JSON values, at most ``limit`` rows."""
        if not cypher.strip():
            raise QueryInvalid("the query is empty", "for example: MATCH (t:Task {status: 'open'}) RETURN t.id")
        rows: list[tuple[JsonValue, ...]] = []
        with self._connection.session() as session:
            result = session.run(cypher, dict(parameters or {}))
            columns = tuple(result.keys())
            for record in result:
                if len(rows) == limit:
                    return QueryResult(columns=columns, rows=tuple(rows), truncated=True)
                rows.append(plain_row(record.values()))
        return QueryResult(columns=columns, rows=tuple(rows))


def feature_of(node: Row) -> Feature:
    """Return the record of a Feature node."""
    return Feature.model_validate(_known(node, Feature))


def task_of(row: Row) -> Task:
    """Return the record of a Task node with its links."""
    values = _known(row["task"], Task)
    for name in ("done_when", "tags"):
        values[name] = tuple(values.get(name) or ())
    links = {"depends_on": tuple(sorted(row["depends_on"])), "touches": tuple(sorted(row["touches"]))}
    return Task.model_validate({**values, **links})


def _known(node: Row, kind: Any) -> Row:
    """Return the properties that the record knows; people may have added others."""
    values = {name: node[name] for name in kind.model_fields if node.get(name) is not None}
    return {name: value.to_native() if hasattr(value, "to_native") else value for name, value in values.items()}
