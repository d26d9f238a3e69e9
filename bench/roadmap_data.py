"""A made-up roadmap of any size: repositories, features of eight tasks with dependencies, runs, turns and events.

The same size gives the same roadmap. Nine of ten features are done; of the others half wait for a worker and half are
under way, so that open tasks grow with the roadmap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

TASKS = 8
FEATURES_PER_REPOSITORY = 125
FEATURES_PER_BATCH = 500
BEFORE = {2: (1,), 3: (1,), 4: (2, 3), 5: (4,), 6: (4,), 7: (5, 6), 8: (7,)}
"""Which task of a feature waits for which."""
KINDS = ("code", "code", "code", "test", "code", "code", "code", "docs")
START = datetime(2025, 1, 1, tzinfo=UTC)
RANKS = (1, 2, 2, 3, 2, 2, 0, 2)
PRIORITIES = ("critical", "high", "normal", "low")

Node = dict[str, Any]


@dataclass(frozen=True)
class Edge:
    """One relationship between nodes that are named by label and id."""

    kind: str
    source: tuple[str, str]
    target: tuple[str, str]


@dataclass
class Batch:
    """A piece of the roadmap; its edges end in this piece or in a repository or file of an earlier one."""

    nodes: dict[str, list[Node]] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    def add(self, label: str, **values: Any) -> tuple[str, str]:
        """Add a node and return its name."""
        self.nodes.setdefault(label, []).append(values)
        return label, str(values["id"])

    def link(self, source: tuple[str, str], kind: str, target: tuple[str, str]) -> None:
        """Add a relationship."""
        self.edges.append(Edge(kind, source, target))


def batches(tasks: int, there: int = 0) -> Iterator[Batch]:
    """Yield a roadmap of this many tasks, piece by piece, after those that are there already."""
    features = tasks // TASKS
    for first in range(there // TASKS, features, FEATURES_PER_BATCH):
        batch = Batch()
        for number in range(first, min(first + FEATURES_PER_BATCH, features)):
            if number % FEATURES_PER_REPOSITORY == 0:
                _add_repository(batch, number)
            _add_feature(batch, number)
        yield batch


def feature_id(number: int) -> str:
    """Return the id of a feature by its number from 0."""
    return f"{_repository(number)}/F-{number + 1}"


def is_active(number: int) -> bool:
    """Whether a feature is still to be delivered."""
    return number % 10 == 3


def _repository(number: int) -> str:
    return f"acme/r{number // FEATURES_PER_REPOSITORY}"


def _add_repository(batch: Batch, number: int) -> None:
    name = _repository(number)
    batch.add("Repository", id=name, name=name)
    for path in range(40):
        batch.add("File", id=f"{name}:src/m{path}.py", path=f"src/m{path}.py", repository=name, folder=f"{name}:src")


def _add_feature(batch: Batch, number: int) -> None:
    name, repository = feature_id(number), _repository(number)
    under_way = is_active(number) and number % 20 == 3
    status = "in_progress" if under_way else "open" if is_active(number) else "done"
    values = {"repository": repository, "title": f"Feature {number}", "rationale": "", "branch": f"feature/F-{number}"}
    feature = batch.add("Feature", id=name, key=name.rpartition("/")[2], issue=number + 1, status=status, **values)
    batch.link(("Repository", repository), "HAS", feature)
    at = START + timedelta(minutes=number)
    _event(batch, name, at, "planned")
    for task in range(1, TASKS + 1):
        _add_task(batch, number, task, "done" if status == "done" or (under_way and task <= 2) else "open")
    if status == "done":
        values = {"url": f"https://host/{repository}/{number}", "title": "A", "head": "abc", "state": "merged"}
        pull_id = f"{repository}#{number}"
        pull = batch.add("PullRequest", id=pull_id, number=number, repository=repository, **values)
        batch.link(feature, "DELIVERED_BY", pull)
        _event(batch, pull_id, at + timedelta(hours=3), "pull request merged")
        _event(batch, name, at + timedelta(hours=3), "status in_review -> done")


def _add_task(batch: Batch, number: int, task: int, status: str) -> None:
    feature, repository = feature_id(number), _repository(number)
    at = START + timedelta(minutes=number)
    name = f"{repository}/T-{number + 1}{task:02d}"
    rank = RANKS[(number + task) % len(RANKS)]
    node = batch.add(
        "Task",
        id=name,
        key=name.rpartition("/")[2],
        feature_id=feature,
        title=f"Task {task}",
        kind=KINDS[task - 1],
        assignee="docgen" if task == TASKS else "coder",
        status=status,
        priority=PRIORITIES[rank],
        rank=rank,
        **({"place": f"{rank} {name}"} if status == "open" else {}),
        done_when=["it works"],
        tags=[],
        attempts=int(status == "done"),
        created_at=at.isoformat(),
        updated_at=at.isoformat(),
    )
    batch.link(("Feature", feature), "HAS_TASK", node)
    for other in BEFORE.get(task, ()):
        batch.link(node, "DEPENDS_ON", ("Task", f"{repository}/T-{number + 1}{other:02d}"))
    batch.link(node, "TOUCHES", ("File", f"{repository}:src/m{(number * 7 + task) % 40}.py"))
    if status == "done":
        _add_run(batch, node, at)
        _event(batch, name, at + timedelta(hours=2), "status verified -> done")


def _add_run(batch: Batch, task: tuple[str, str], at: datetime) -> None:
    run_id = f"{task[1]}/1"
    values = {"number": 1, "role": "coder", "started_at": at.isoformat(), "verdict": "4 passed"}
    run = batch.add("Run", id=run_id, calls=9, tokens=41_000, cost_usd=0.11, **values)
    batch.link(run, "OF", task)


def _event(batch: Batch, subject: str, at: datetime, what: str) -> None:
    number = len(batch.nodes.get("Event", ()))
    values = {"who": "integrator", "what": what, "why": "a made-up roadmap", "subject": subject}
    batch.add("Event", id=f"{subject}@{number}", at=at.isoformat(), **values)
