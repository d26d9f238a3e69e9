"""The task spec: what is asked of one task, in a form that people write and programs check."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from specs.errors import Problem, SpecInvalid
from specs.service import ServiceCheck

Priority = Literal["low", "normal", "high", "critical"]
Kind = Literal["code", "docs", "test", "chore", "deploy"]
LARGEST = 256 * 1024
"""Bytes of a spec's text."""


class Part(BaseModel):
    """A frozen part of a spec that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Input(Part):
    """Something that the task starts from."""

    type: str = Field(min_length=1)
    """For example `template`, `file`, `url`, `task`."""
    name: str = ""
    path: str = ""
    url: str = ""


class Output(Part):
    """Something that the task leaves."""

    path: str = Field(min_length=1)
    description: str = ""


class Acceptance(Part):
    """One thing that must hold when the task is done; at least one field is given."""

    text: str | None = None
    """In words."""
    url: str | None = None
    """An address to ask."""
    should_respond: int | None = Field(default=None, ge=100, le=599)
    """The HTTP status that the address gives."""
    run: str | None = None
    """A command that exits with 0."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _not_empty(self) -> Acceptance:
        if not any((self.text, self.url, self.should_respond, self.run)):
            raise ValueError("give at least one of text, url, should_respond, run")
        return self


class TestCommand(Part):
    """A command whose exit code says whether the task works."""

    run: str = Field(min_length=1)
    seconds: float = Field(default=900.0, gt=0)
    """Time after which it counts as failed."""

    __test__ = False  # pytest takes names that begin with Test for its own

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"run": value} if isinstance(value, str) else value


class Resources(Part):
    """What the task's environment needs."""

    memory_mb: int = Field(default=2048, ge=64)
    cpus: float = Field(default=2.0, gt=0)
    disk_mb: int = Field(default=4096, ge=16)
    gpu: bool = False


class RetryPolicy(Part):
    """How often the task is tried."""

    max_rounds: int = Field(default=3, ge=1, le=20)
    """Rounds of work, test and review before a person is asked."""
    backoff_seconds: float = Field(default=0.0, ge=0)


class TaskSpec(Part):
    """The whole spec of one task."""

    id: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/#-]*$")
    title: str = Field(min_length=1, max_length=200)
    description: str = ""
    kind: Kind = "code"
    owner: str = "manager"
    """The role that answers for the task."""
    priority: Priority = "normal"
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    acceptance: tuple[Acceptance, ...] = ()
    tests: tuple[TestCommand, ...] = Field(min_length=1)
    tests_may_change: tuple[str, ...] = ()
    """Globs of existing test files that the task may change."""
    service: ServiceCheck | None = None
    """A server to start, with requests that it must answer and a load that it must bear."""
    constraints: tuple[str, ...] = ()
    artifacts_path: str = ""
    """Folder of the task's artifacts; empty for `tasks/<id>`."""
    depends_on: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    """Paths or globs that the task is expected to change."""
    resource_requirements: Resources = Resources()
    tags: tuple[str, ...] = ()
    related_tasks: tuple[str, ...] = ()
    expected_artifacts: tuple[str, ...] = ()
    retry_policy: RetryPolicy = RetryPolicy()

    @field_validator("title")
    @classmethod
    def _one_line(cls, title: str) -> str:
        if not title.strip() or not title.isprintable():
            raise ValueError("a title is one line of printable text")
        return title


def parse_spec(text: str, name: str = "the task spec") -> TaskSpec:
    """Return the spec that YAML or JSON text holds; raises `SpecInvalid` with every problem and its place."""
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise SpecInvalid(f"{name} is larger than {LARGEST // 1024} KiB", [], "keep specs short; link to long material")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as fault:
        first = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        raise SpecInvalid(
            f"{name} is neither YAML nor JSON: {first}", [], "check the indentation and the quotes"
        ) from fault
    if not isinstance(value, dict):
        raise SpecInvalid(f"{name} is a {type(value).__name__}, not an object", [], "begin with `id:` and `title:`")
    try:
        return TaskSpec.model_validate(value)
    except ValidationError as fault:
        problems = [_problem(error) for error in fault.errors()]
        first_problem = problems[0]
        raise SpecInvalid(
            f"{name}: {first_problem.path}: {first_problem.message}", problems, first_problem.hint
        ) from fault


def spec_yaml(spec: TaskSpec) -> str:
    """Return a spec as YAML, without fields that have their default."""
    value = json.loads(spec.model_dump_json(exclude_defaults=True))
    # Unless escaped, these line separators are read back as something else.
    plain = not re.search("[\x85\u2028\u2029]", json.dumps(value, ensure_ascii=False))
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=plain, width=100)


def task_schema() -> dict[str, Any]:
    """Return the JSON Schema of the task spec."""
    schema = TaskSpec.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _problem(error: Any) -> Problem:
    path = ".".join(str(part) for part in error["loc"]) or "(whole)"
    if error["type"] == "missing":
        return Problem(path, f"has no {path!r}", "add at least one command" if path == "tests" else "add it")
    if error["type"] == "extra_forbidden":
        return Problem(path, "is not a field of a task spec", f"known are {', '.join(TaskSpec.model_fields)}")
    return Problem(path, f"{error['msg']} (it is {str(error['input'])[:80]!r})", "see `roadcrew spec schema`")
