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
from graph.spending import FeatureSpending, Turn, spending_by_feature, turns_of
from graph.stories import Story, feature_artifacts, task_stories
from graph.values import known, plain_row

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
        if repository is None:
            rows = self._connection.read("features", status=status)
        else:
            rows = self._connection.read("features_of_repository", repository=repository, status=status)
        return [feature_of(row["feature"]) for row in rows]

    def features_by_key(self, key: str) -> list[Feature]:
        """Return the features with this key (`F-12`), one for each repository that has it."""
        return [feature_of(row["feature"]) for row in self._connection.read("features_by_key", key=key)]

    def latest_features(self, limit: int = 5) -> list[Feature]:
        """Return features to name to a person who asked for one that is not there, the last ones by issue."""
        return [feature_of(row["feature"]) for row in self._connection.read("latest_features", limit=limit)]

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
        """Return ready tasks over the whole roadmap, urgent ones first, of one role where it is named.

        Open tasks stand in line by their `place` (priority, then id), which is kept with each change of status or
        priority; a store goes along that line and stops at the limit. (The embedded store does so
        only for a query that returns what it matched, so the tasks themselves are asked for by id.)
        """
        line = self._connection.read("ready", assignee=assignee, limit=limit, met=sorted(MET))
        return [task_of(row) for row in self._connection.read("open_tasks", ids=[row["id"] for row in line])]

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
        rows = (
            self._connection.read("task_events")
            if repository is None
            else self._connection.read("task_events_of_repository", repository=repository)
        )
        for row in rows:
            state[row["id"]] = row["what"].rpartition("-> ")[2] in FINISHED
            finished = sum(state.values())
            day = row["at"][:10]
            points[day] = BurndownPoint(day=day, open=len(state) - finished, finished=finished)
        return list(points.values())

    def history(self, feature_id: str) -> list[Event]:
        """Return what happened to a feature, its tasks, runs and pull requests, in the order of time."""
        subjects = [feature_id, *(row["id"] for row in self._connection.read("subjects", feature_id=feature_id))]
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
        return [Run.model_validate(known(row["run"], Run)) for row in self._connection.read("runs", task_id=task_id)]

    def story(self, feature_id: str) -> Story | None:
        """Return the whole story of a feature, or None when the roadmap does not have it."""
        feature = self.feature(feature_id)
        if feature is None:
            return None
        return Story(
            feature=feature,
            tasks=task_stories(self._connection, feature_id, self.tasks(feature_id)),
            pull_requests=tuple(self.pull_requests(feature_id)),
            turns=turns_of(self._connection, feature_id),
            artifacts=feature_artifacts(self._connection, feature_id),
            events=tuple(self.history(feature_id)),
        )

    def turns(self, feature_id: str) -> tuple[Turn, ...]:
        """Return the roles' turns for a feature and its tasks, with what they used, in the order of time."""
        return turns_of(self._connection, feature_id)

    def spending(self, repository: str | None = None) -> list[FeatureSpending]:
        """Return what each feature has used, of one repository where it is named."""
        return spending_by_feature(self._connection, repository)

    def pull_requests(self, feature_id: str) -> list[PullRequest]:
        """Return the pull requests that deliver a feature."""
        rows = self._connection.read("pull_requests", feature_id=feature_id)
        return [PullRequest.model_validate(known(row["pull"], PullRequest)) for row in rows]

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
    return Feature.model_validate(known(node, Feature))


def task_of(row: Row) -> Task:
    """Return the record of a Task node with its links."""
    values = known(row["task"], Task)
    for name in ("done_when", "tags"):
        values[name] = tuple(values.get(name) or ())
    links = {"depends_on": tuple(sorted(row["depends_on"])), "touches": tuple(sorted(row["touches"]))}
    return Task.model_validate({**values, **links})
