"""The story of a feature: its tasks, each with its rounds and what they left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from graph.artifacts import Artifact, Stage
from graph.connection import Connection, Row
from graph.evidence import Finding
from graph.lessons import SEVERITY_RANK
from graph.models import Commit, Event, Feature, PullRequest, Record, Review, Run, Task, TestReport
from graph.spending import Turn
from graph.values import known

KINDS: dict[str, type[Record]] = {
    "Artifact": Artifact,
    "TestReport": TestReport,
    "Review": Review,
    "Commit": Commit,
}
STAGES: tuple[Stage, ...] = get_args(Stage)


class Round(Record):
    """One try at a task, and what it left."""

    run: Run
    test_reports: tuple[TestReport, ...] = ()
    reviews: tuple[Review, ...] = ()
    findings: tuple[Finding, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    commits: tuple[Commit, ...] = ()


class TaskStory(Record):
    """A task with its rounds."""

    task: Task
    rounds: tuple[Round, ...]


class Story(Record):
    """A feature from its issue to its end, as the roadmap has it."""

    feature: Feature
    tasks: tuple[TaskStory, ...]
    pull_requests: tuple[PullRequest, ...]
    turns: tuple[Turn, ...]
    artifacts: tuple[Artifact, ...] = ()
    """What the work on the whole feature left; that of a task's round stands with the round."""
    events: tuple[Event, ...]


def task_stories(connection: Connection, feature_id: str, tasks: Iterable[Task]) -> tuple[TaskStory, ...]:
    """Return the rounds of these tasks of one feature."""
    runs = [
        Run.model_validate(known({**row["run"], "task_id": row["task_id"]}, Run))
        for row in connection.read("runs_of_feature", feature_id=feature_id)
    ]
    left: dict[str, list[Record]] = {}
    for row in connection.read("left_by_runs", feature_id=feature_id):
        if row["kind"] in KINDS:
            left.setdefault(row["run_id"], []).append(_record(KINDS[row["kind"]], row["left"]))
    found: dict[str, list[Finding]] = {}
    for row in connection.read("findings_of_feature", feature_id=feature_id):
        found.setdefault(row["run_id"], []).append(Finding.model_validate(known(row["finding"], Finding)))
    rounds = [_round(run, left.get(run.id, []), found.get(run.id, [])) for run in runs]
    return tuple(
        TaskStory(
            task=task,
            rounds=tuple(sorted((one for one in rounds if one.run.task_id == task.id), key=lambda one: one.run.number)),
        )
        for task in tasks
    )


def feature_artifacts(connection: Connection, feature_id: str) -> tuple[Artifact, ...]:
    """Return what the work on the whole feature left, in the order in which it is made."""
    rows = connection.read("left_by_feature", feature_id=feature_id)
    found = [Artifact.model_validate(known(row["left"], Artifact)) for row in rows]
    return tuple(sorted(found, key=lambda one: (STAGES.index(one.stage), one.id)))


def _round(run: Run, left: list[Record], findings: list[Finding]) -> Round:
    return Round(
        run=run,
        test_reports=tuple(one for one in left if isinstance(one, TestReport)),
        reviews=tuple(one for one in left if isinstance(one, Review)),
        findings=tuple(
            sorted(findings, key=lambda finding: (SEVERITY_RANK[finding.severity], finding.path, finding.key))
        ),
        artifacts=tuple(one for one in left if isinstance(one, Artifact)),
        commits=tuple(one for one in left if isinstance(one, Commit)),
    )


def _record(kind: Any, node: Row) -> Record:
    record: Record = kind.model_validate(known(node, kind))
    return record
