"""The roadmap graph: features, tasks, runs and what they left, in Cypher over Bolt."""

from graph.artifacts import Artifact, ArtifactKind, Stage
from graph.costs import CostLine, CostReport, cost_report, total_of
from graph.errors import (
    CycleRefused,
    GraphError,
    GraphRefused,
    GraphUnavailable,
    IllegalTransition,
    NotInRoadmap,
    QueryInvalid,
    StaleEpoch,
)
from graph.evidence import Finding, Saying
from graph.lessons import Lesson
from graph.models import (
    BurndownPoint,
    Change,
    Commit,
    CustomImage,
    Event,
    Feature,
    FeatureStatus,
    Fence,
    PullRequest,
    QueryResult,
    Review,
    Role,
    Run,
    Task,
    TaskStatus,
    TestReport,
)
from graph.reader import RoadmapReader
from graph.roadmap import Roadmap
from graph.settings import GraphSettings
from graph.spending import FeatureSpending, ModelUse, Turn
from graph.stories import Round, Story, TaskStory

__all__ = [
    "Artifact",
    "ArtifactKind",
    "BurndownPoint",
    "Change",
    "Commit",
    "CostLine",
    "CostReport",
    "CustomImage",
    "CycleRefused",
    "Event",
    "Feature",
    "FeatureStatus",
    "FeatureSpending",
    "Fence",
    "Finding",
    "GraphError",
    "GraphRefused",
    "GraphSettings",
    "GraphUnavailable",
    "IllegalTransition",
    "Lesson",
    "ModelUse",
    "NotInRoadmap",
    "PullRequest",
    "QueryInvalid",
    "QueryResult",
    "Review",
    "Roadmap",
    "RoadmapReader",
    "Role",
    "Round",
    "Run",
    "Saying",
    "Stage",
    "StaleEpoch",
    "Story",
    "Task",
    "TaskStatus",
    "TaskStory",
    "TestReport",
    "Turn",
    "cost_report",
    "total_of",
]
