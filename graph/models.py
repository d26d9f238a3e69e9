"""The records of the roadmap, and which status may follow which."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, JsonValue

Priority = Literal["low", "normal", "high", "critical"]
TaskKind = Literal["code", "docs", "test", "chore", "deploy"]
PRIORITY_RANK: dict[Priority, int] = {"critical": 0, "high": 1, "normal": 2, "low": 3}


class Role(StrEnum):
    """The seats of the team."""

    PLANNER = "planner"
    RESEARCHER = "researcher"
    CODER = "coder"
    TESTER = "tester"
    REVIEWER = "reviewer"
    DOCGEN = "docgen"
    INTEGRATOR = "integrator"
    DEPLOYER = "deployer"
    MONITOR = "monitor"


class TaskStatus(StrEnum):
    """Where a task stands."""

    OPEN = "open"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    COMPLETE = "complete"
    VERIFIED = "verified"
    DONE = "done"
    DEPLOYED = "deployed"
    BLOCKED = "blocked"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FeatureStatus(StrEnum):
    """Where a feature stands."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    IN_REVIEW = "in_review"
    DONE = "done"
    DEPLOYED = "deployed"
    BLOCKED = "blocked"
    FAILED = "failed"
    CANCELLED = "cancelled"


_T, _F = TaskStatus, FeatureStatus
_PAUSED = (_T.BLOCKED, _T.FAILED, _T.CANCELLED)

TASK_TRANSITIONS: dict[TaskStatus, frozenset[TaskStatus]] = {
    _T.OPEN: frozenset({_T.ASSIGNED, *_PAUSED}),
    _T.ASSIGNED: frozenset({_T.OPEN, _T.IN_PROGRESS, *_PAUSED}),
    _T.IN_PROGRESS: frozenset({_T.OPEN, _T.COMPLETE, *_PAUSED}),
    _T.COMPLETE: frozenset({_T.IN_PROGRESS, _T.VERIFIED, *_PAUSED}),
    _T.VERIFIED: frozenset({_T.IN_PROGRESS, _T.DONE, _T.CANCELLED}),
    _T.DONE: frozenset({_T.DEPLOYED}),
    _T.DEPLOYED: frozenset(),
    _T.BLOCKED: frozenset({_T.OPEN, _T.ASSIGNED, _T.IN_PROGRESS, _T.CANCELLED, _T.FAILED}),
    _T.FAILED: frozenset({_T.OPEN, _T.IN_PROGRESS, _T.CANCELLED}),
    _T.CANCELLED: frozenset({_T.OPEN}),
}
"""Legal next statuses of a task; anything else is refused."""

FEATURE_TRANSITIONS: dict[FeatureStatus, frozenset[FeatureStatus]] = {
    _F.OPEN: frozenset({_F.IN_PROGRESS, _F.BLOCKED, _F.FAILED, _F.CANCELLED}),
    _F.IN_PROGRESS: frozenset({_F.IN_REVIEW, _F.BLOCKED, _F.FAILED, _F.CANCELLED}),
    _F.IN_REVIEW: frozenset({_F.IN_PROGRESS, _F.DONE, _F.BLOCKED, _F.FAILED, _F.CANCELLED}),
    _F.DONE: frozenset({_F.DEPLOYED}),
    _F.DEPLOYED: frozenset(),
    _F.BLOCKED: frozenset({_F.OPEN, _F.IN_PROGRESS, _F.FAILED, _F.CANCELLED}),
    _F.FAILED: frozenset({_F.OPEN, _F.IN_PROGRESS, _F.CANCELLED}),
    _F.CANCELLED: frozenset({_F.OPEN}),
}
"""Legal next statuses of a feature."""

MET = frozenset({_T.VERIFIED, _T.DONE, _T.DEPLOYED})
"""Statuses in which a task meets the dependency of another."""


class Record(BaseModel):
    """Base of the records."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Fence(NamedTuple):
    """Which thread writes, in which epoch; a lower epoch than one seen before is refused."""

    thread: str
    epoch: int


class Change(Record):
    """Who changes the roadmap, and why; becomes an Event."""

    who: str
    why: str
    fence: Fence | None = None


class Feature(Record):
    """One issue's delivery."""

    id: str
    """Unique across repositories: `owner/repo/F-12`."""
    key: str
    """For people: `F-12`."""
    repository: str
    title: str
    rationale: str = ""
    target_release: str | None = None
    status: FeatureStatus = FeatureStatus.OPEN
    issue: int
    branch: str = ""


class Task(Record):
    """One piece of a feature's work."""

    id: str
    key: str
    feature_id: str
    title: str
    kind: TaskKind = "code"
    assignee: Role
    """The role, set when planned."""
    owner: str | None = None
    """The worker that holds the claim."""
    status: TaskStatus = TaskStatus.OPEN
    priority: Priority = "normal"
    done_when: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    attempts: int = 0
    """How often it was claimed."""
    depends_on: tuple[str, ...] = ()
    """Ids of tasks."""
    touches: tuple[str, ...] = ()
    """Paths or globs."""


class Run(Record):
    """One try at a task."""

    id: str
    task_id: str
    number: int
    role: str
    started_at: datetime
    finished_at: datetime | None = None
    verdict: str = ""
    calls: int = 0
    tokens: int = 0
    cost_usd: float | None = None


class CustomImage(Record):
    """An image that somebody made with devctl."""

    owner: str
    tag: str
    """What the owner calls it."""
    build_time: datetime
    base: str = ""
    image_id: str = ""
    """The engine's digest of it."""
    packages: tuple[str, ...] = ()
    """What was installed, with its manager: `apt:curl`."""

    @property
    def id(self) -> str:
        """An owner has one image of a name; building it anew replaces what is known of it."""
        return f"{self.owner}/{self.tag}"


class TestReport(Record):
    """What the suite said."""

    __test__ = False  # not a test of pytest's, whatever its name

    id: str
    verdict: str
    passed: int = 0
    failed: int = 0
    url: str = ""


class Review(Record):
    """What the Reviewer said."""

    id: str
    verdict: str
    signed_off: bool
    url: str = ""
    resolved: tuple[str, ...] = ()
    """Keys of findings of earlier rounds that are mended."""


class Commit(Record):
    """A commit that a run left."""

    id: str
    """`owner/repo@sha`."""
    sha: str
    message: str


class PullRequest(Record):
    """The pull request that delivers a feature."""

    id: str
    """`owner/repo#5`."""
    number: int
    repository: str
    url: str
    title: str
    head: str
    state: Literal["open", "closed", "merged"]


class Event(Record):
    """One change of the roadmap."""

    at: datetime
    who: str
    what: str
    """For example `status open -> assigned`."""
    why: str
    subject: str
    """The id of what changed."""


class BurndownPoint(Record):
    """Open and finished tasks at the end of a day (UTC)."""

    day: str
    open: int
    finished: int


class QueryResult(Record):
    """The answer to a person's query, as plain JSON values."""

    columns: tuple[str, ...]
    rows: tuple[tuple[JsonValue, ...], ...]
    truncated: bool = False
    """Whether there were more rows than the limit."""
