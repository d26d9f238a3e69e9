"""The plan as the Planner proposes it, strict enough to be a model's structured reply; plan_rules.py judges it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from specs.service import ServiceCheck


class Part(BaseModel):
    """A frozen part of the plan; every field is given, as strict structured replies demand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        """Drop what no database and no file takes: NUL, and halves of characters that JSON can carry."""
        return {key: _cleaned(item) for key, item in value.items()} if isinstance(value, dict) else value


class Scenario(Part):
    """One acceptance scenario."""

    given: str
    when: str
    then: str


class UserStory(Part):
    """What somebody can do when the feature is there."""

    title: str
    priority: Literal["P1", "P2", "P3"]
    why: str = Field(description="why it has this priority")
    independent_test: str = Field(description="how this story alone can be tested")
    scenarios: list[Scenario]


class NewDependency(Part):
    """A third-party package that the feature adds."""

    name: str
    requirement: str = Field(description="as it is written into the dependency file, such as 'tomlkit>=0.13'")
    kind: Literal["runtime", "test"]
    reason: str


class PlanTask(Part):
    """One task of the plan."""

    ref: str = Field(description="T1, T2, …")
    title: str = Field(description="in the imperative, at most 100 characters")
    kind: Literal["code", "docs", "test", "chore"]
    assignee: Literal["coder", "docgen", "tester"]
    priority: Literal["low", "normal", "high", "critical"]
    description: str
    done_when: list[str]
    depends_on: list[str] = Field(description="refs of tasks whose code this one needs")
    touches: list[str] = Field(description="paths that it will create or change, relative to the root")
    tests: list[str] = Field(description="commands besides the suite that must pass; usually empty")
    tests_may_change: list[str] = Field(description="existing test files that it may change; usually empty")
    service: ServiceCheck | None = Field(
        default=None, description="a server to start and requests that it must answer; usually null"
    )
    tags: list[str]


class PlanProposal(Part):
    """A specification and a plan for one issue."""

    cannot_do: str | None = Field(description="why nothing can be done, or null")
    title: str = Field(description="the feature in at most 80 characters")
    rationale: str
    summary: str = Field(description="what will be different, in two to four sentences")
    target_release: str | None
    assumptions: list[str]
    user_stories: list[UserStory]
    edge_cases: list[str]
    requirements: list[str] = Field(description="functional requirements, one sentence each")
    success_criteria: list[str] = Field(description="measurable outcomes")
    technical_context: str
    test_command: str | None
    new_dependencies: list[NewDependency]
    docs_to_update: list[str] = Field(description="paths of documentation files")
    tasks: list[PlanTask]


def _cleaned(item: Any) -> Any:
    if isinstance(item, str):
        return item.encode("utf-8", "replace").decode().replace("\x00", "")
    return [_cleaned(one) for one in item] if isinstance(item, list) else item
