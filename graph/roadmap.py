"""The writing side of the roadmap. Only the Planner's and the Integrator's code holds it.

Each write locks its node, then checks, then writes, in one transaction with its Event; see `graph.connection` for
retries. A fenced write first raises its thread's epoch, so that a holder that was replaced writes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from graph.artifacts import Artifact
from graph.connection import Transaction
from graph.errors import IllegalTransition, NotInRoadmap
from graph.evidence import Finding, Saying, record_findings, record_sayings
from graph.lessons import Lesson, learn
from graph.models import (
    FEATURE_TRANSITIONS,
    MET,
    PRIORITY_RANK,
    TASK_TRANSITIONS,
    Change,
    Commit,
    CustomImage,
    Feature,
    FeatureStatus,
    PullRequest,
    Record,
    Review,
    Run,
    Task,
    TaskStatus,
    TestReport,
)
from graph.planned import link, unlink, upsert_task
from graph.reader import RoadmapReader
from graph.spending import Turn, record_turns
from graph.writing import add_event, locked, now, pass_fence, token

logger = logging.getLogger(__name__)


class Roadmap(RoadmapReader):
    """Reads and writes one roadmap."""

    def migrate(self) -> list[str]:
        """Bring the schema up to date; return the names of the migrations that were run."""
        known = {row["name"] for row in self._connection.read("known_migrations")}
        done: list[str] = []
        for file in sorted(files("graph").joinpath("migrations").iterdir(), key=lambda file: file.name):
            if not file.name.endswith(".cypher") or file.name in known:
                continue
            for statement in file.read_text(encoding="utf-8").split(";"):
                if statement.strip():
                    self._connection.define(statement.strip())
            self._connection.write(lambda tx, name=file.name: tx.run("record_migration", name=name, at=now()))  # type: ignore[misc]  # the name is bound early
            done.append(file.name)
        return done

    def record_plan(self, repository: str, feature: Feature, tasks: Sequence[Task], change: Change) -> None:
        """Write a feature and its tasks, or bring those that have not begun in line with an edited plan."""

        def work(tx: Transaction) -> None:
            pass_fence(tx, change)
            tx.run("upsert_repository", id=repository)
            there = tx.run("lock_feature", id=feature.id, lock=token())
            tx.run("upsert_feature", **feature.model_dump(mode="json"))
            if feature.target_release:
                milestone = f"{repository}:{feature.target_release}"
                tx.run("target_milestone", id=feature.id, milestone_id=milestone, name=feature.target_release)
            if not there:
                add_event(tx, change, feature.id, "planned")
            for task in tasks:
                upsert_task(tx, task, change)
            begun = {task.id for task in tasks if not unlink(tx, task)}
            for task in tasks:
                if task.id not in begun:
                    link(tx, repository, task)

        self._connection.write(work)
        logger.info("recorded %s with %d tasks", feature.id, len(tasks))

    def add_task(self, task: Task, change: Change, discovered_from: str | None = None) -> None:
        """Write one more task of a feature that is under way."""

        def work(tx: Transaction) -> None:
            pass_fence(tx, change)
            upsert_task(tx, task, change)
            if unlink(tx, task):
                link(tx, task.feature_id.rpartition("/")[0], task)
            if discovered_from:
                tx.run("discovered_from", id=task.id, other=discovered_from)

        self._connection.write(work)
        logger.info("added %s", task.id)

    def claim(self, task_id: str, owner: str, change: Change) -> bool:
        """Take an open task whose dependencies are met; False when somebody else has it. Idempotent for the owner."""

        def work(tx: Transaction) -> bool:
            pass_fence(tx, change)
            found = tx.run("lock_task", id=task_id, lock=token())
            if not found:
                raise NotInRoadmap(f"{task_id} is not in the roadmap", "look with `roadcrew cypher`")
            status, holder = found[0]["status"], found[0]["owner"]
            if holder == owner and status not in ("open", "cancelled"):
                return True
            if status != "open" or tx.run("unmet_dependencies", id=task_id, met=sorted(MET)):
                return False
            tx.run("claim_task", id=task_id, owner=owner, at=now())
            add_event(tx, change, task_id, "status open -> assigned")
            return True

        return self._connection.write(work)

    def release(self, task_id: str, change: Change) -> None:
        """Give a claimed task back."""

        def work(tx: Transaction) -> None:
            pass_fence(tx, change)
            before = locked(tx, "task", task_id)
            if before == "open":
                return
            if before not in ("assigned", "in_progress", "blocked"):
                raise IllegalTransition(f"{task_id} is {before}: only a claimed task can be released", "")
            tx.run("release_task", id=task_id, at=now())
            add_event(tx, change, task_id, f"status {before} -> open")

        self._connection.write(work)

    def move_task(self, task_id: str, status: str, change: Change) -> None:
        """Change a task's status; without effect when it is there already."""
        self._move("task", task_id, TaskStatus(status), TASK_TRANSITIONS, change)

    def move_feature(self, feature_id: str, status: str, change: Change) -> None:
        """Change a feature's status; without effect when it is there already."""
        self._move("feature", feature_id, FeatureStatus(status), FEATURE_TRANSITIONS, change)

    def update_feature(self, feature_id: str, change: Change, **values: Any) -> None:
        """Set fields of a feature other than its id and status."""
        self._update("feature", feature_id, Feature, values, change)

    def update_task(self, task_id: str, change: Change, **values: Any) -> None:
        """Set fields of a task other than its id, status and links."""
        if "priority" in values:
            if values["priority"] not in PRIORITY_RANK:
                raise ValueError(f"{values['priority']!r} is no priority; take one of {', '.join(PRIORITY_RANK)}")
            values["rank"] = PRIORITY_RANK[values["priority"]]
        self._update("task", task_id, Task, values, change)

    def record_run(self, run: Run, change: Change) -> None:
        """Write one try at a task."""
        values = run.model_dump(mode="json", exclude={"id", "task_id"}, exclude_none=True)
        self._write_node("upsert_run", run.id, change, f"run {run.number}", values, task_id=run.task_id)

    def record_test_report(self, run_id: str, report: TestReport, change: Change) -> None:
        """Write what the suite said in a run."""
        self._produce("test_report", run_id, report, report.id, change)

    def record_review(self, run_id: str, review: Review, change: Change) -> None:
        """Write what the Reviewer said in a run."""
        self._produce("review", run_id, review, review.id, change)

    def record_findings(self, review_id: str, findings: Sequence[Finding], change: Change) -> None:
        """Write what a review found or found still open; what it found resolved stands in the review itself."""
        self._connection.write(lambda tx: record_findings(tx, review_id, findings, change))

    def record_turns(self, turns: Sequence[Turn], change: Change) -> None:
        """Write the roles' turns with what they used, by model; turns known before are brought up to date."""
        self._connection.write(lambda tx: record_turns(tx, turns, change))

    def record_sayings(self, feature_id: str, sayings: Sequence[Saying], change: Change) -> None:
        """Write what people said to a feature's delivery, each saying once, as an event of theirs."""
        self._connection.write(lambda tx: record_sayings(tx, feature_id, sayings, change))

    def record_artifact(self, run_id: str, artifact: Artifact, change: Change) -> None:
        """Write a file that a run left."""
        self._produce("artifact", run_id, artifact, artifact.id, change)

    def record_feature_artifact(self, feature_id: str, artifact: Artifact, change: Change) -> None:
        """Write a file that the work on a whole feature left: its plan, the baseline's tests, what it cost."""
        values = artifact.model_dump(mode="json", exclude={"id"})
        what = f"{artifact.stage} {artifact.kind}"
        self._write_node("feature_produced_artifact", artifact.id, change, what, values, feature_id=feature_id)

    def record_commit(self, run_id: str, commit: Commit, change: Change) -> None:
        """Write a commit that a run left."""
        self._produce("commit", run_id, commit, commit.id, change)

    def record_custom_image(self, image: CustomImage, change: Change) -> None:
        """Write an image that somebody made with devctl, or what it is now."""
        values = image.model_dump(mode="json", exclude={"build_time"})
        when = image.build_time.isoformat()
        self._write_node("upsert_custom_image", image.id, change, "image built", values, build_time=when)

    def record_pull_request(self, feature_id: str, pull: PullRequest, change: Change) -> None:
        """Write the pull request that delivers a feature, or its new state."""
        values = pull.model_dump(mode="json", exclude={"id"})
        self._write_node(
            "upsert_pull_request", pull.id, change, f"pull request {pull.state}", values, feature_id=feature_id
        )

    def learn(self, repository: str, lesson: Lesson, paths: Sequence[str], learned_from: str, change: Change) -> None:
        """Keep what a review or run (``learned_from``, its id) taught about files.

        The same lesson of the same review counts once, whatever its spelling of spaces and case.
        """
        self._connection.write(lambda tx: learn(tx, repository, lesson, paths, learned_from, change))
        logger.info("learned %s from %s", lesson.id_in(repository), learned_from)

    def _move(self, kind: str, node: str, status: Any, table: Any, change: Change) -> None:
        def work(tx: Transaction) -> None:
            pass_fence(tx, change)
            before = locked(tx, kind, node)
            if before == status:
                return
            if status not in table[type(status)(before)]:
                legal = ", ".join(sorted(table[type(status)(before)])) or "nothing"
                raise IllegalTransition(
                    f"{node} is {before} and cannot become {status}", f"from {before} it can become {legal}"
                )
            tx.run(f"set_{kind}_status", id=node, status=str(status), at=now())
            add_event(tx, change, node, f"status {before} -> {status}")

        self._connection.write(work)

    def _update(self, kind: str, node: str, record: Any, values: dict[str, Any], change: Change) -> None:
        unknown = set(values) - set(record.model_fields) - {"rank"} | (
            set(values) & {"id", "status", "depends_on", "touches"}
        )
        if unknown:
            raise ValueError(f"{sorted(unknown)[0]!r} cannot be set on a {kind}")

        def work(tx: Transaction) -> None:
            pass_fence(tx, change)
            locked(tx, kind, node)
            tx.run(f"update_{kind}", id=node, values=values)
            add_event(tx, change, node, f"set {', '.join(sorted(values))}")

        self._connection.write(work)

    def _produce(self, kind: str, run_id: str, record: Record, node: str, change: Change) -> None:
        values = record.model_dump(mode="json", exclude={"id"})
        self._write_node(
            f"produced_{kind}", node, change, f"{kind.replace('_', ' ')} of {run_id}", values, run_id=run_id
        )

    def _write_node(
        self, query: str, node: str, change: Change, what: str, values: dict[str, Any], **more: Any
    ) -> None:
        def work(tx: Transaction) -> None:
            pass_fence(tx, change)
            if not tx.run(query, id=node, values=values, **more):
                missing = ", ".join(str(value) for value in more.values())
                raise NotInRoadmap(f"{missing} is not in the roadmap", "record it first")
            add_event(tx, change, node, what)

        self._connection.write(work)
