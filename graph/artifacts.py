"""Files that work left in the artifact store: what each is, and at which point of a delivery it was made."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from graph.models import Record

Stage = Literal["baseline", "plan", "research", "round", "merged", "review", "end"]
"""Before the work; its plan and research; one round of a task; on the head that a task was merged into; what people
asked of the pull request; when the feature ended."""


class ArtifactKind(StrEnum):
    """What a file is, whatever it is called."""

    PLAN = "plan"
    SPECIFICATION = "specification"
    RESEARCH = "research"
    JUNIT = "junit"
    """A suite's results as JUnit XML."""
    TESTS = "tests"
    """What the Tester found, before and after the work, with the suite's output."""
    SARIF = "sarif"
    """Findings of linters and review."""
    REVIEW = "review"
    DIFF = "diff"
    BUNDLE = "bundle"
    """Commits as git carries them."""
    TRANSCRIPT = "transcript"
    """What a program in the Coder's seat told of its work."""
    REQUEST = "request"
    """What a review of the pull request asked for."""
    COST = "cost"
    FILE = "file"
    """Something else, or written before kinds were."""


class Artifact(Record):
    """A file that a run or a feature left in the artifact store."""

    id: str
    name: str
    kind: ArtifactKind = ArtifactKind.FILE
    stage: Stage = "round"
    round: int | None = None
    """The round of the task, where it belongs to one."""
    commit: str = ""
    """The commit that it tells of."""
    url: str
    sha256: str
    size: int
    """Bytes."""
