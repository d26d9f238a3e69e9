"""The task spec: what it takes, what it refuses and with which words, and its schema."""

import json
from typing import Any

import pytest

from scripts.source import ROOT
from specs import SpecInvalid, TaskSpec, parse_spec, spec_yaml, task_schema

SEED = """
id: task-001
title: Create blog website
owner: manager
priority: high
inputs:
  - type: template
    name: simple-static
outputs:
  - path: /workspace/tasks/task-001/src
acceptance:
  - url: http://devsite:8080
  - should_respond: 200
tests:
  - run: ./run-tests.sh
"""
SMALL: dict[str, Any] = {"id": "T-101", "title": "Blog", "tests": ["pytest"]}


def test_seed_example_is_valid_as_it_stands() -> None:
    assert (ROOT / "specs" / "examples" / "create-blog.yaml").read_text(encoding="utf-8").strip() == SEED.strip()
    spec = parse_spec(SEED)
    assert (spec.id, spec.priority, spec.tests[0].run) == ("task-001", "high", "./run-tests.sh")
    assert [point.should_respond for point in spec.acceptance] == [None, 200]


def test_every_field_of_the_spec_is_there() -> None:
    assert set(TaskSpec.model_fields) == {
        *("id", "title", "description", "kind", "owner", "priority", "inputs", "outputs", "acceptance", "tests"),
        *("tests_may_change", "constraints", "artifacts_path", "depends_on", "touches", "resource_requirements"),
        *("tags", "related_tasks", "expected_artifacts", "retry_policy", "service"),
    }


def test_schema_file_is_in_step_with_the_model() -> None:
    kept = json.loads((ROOT / "specs" / "task.schema.json").read_text(encoding="utf-8"))
    assert kept == task_schema(), "run python -m scripts.task_schema"


def test_json_is_read_too() -> None:
    assert parse_spec(json.dumps(SMALL)) == parse_spec("id: T-101\ntitle: Blog\ntests: [pytest]\n")


def test_spec_is_read_back_as_it_was_written() -> None:
    spec = TaskSpec.model_validate(
        {**SMALL, "description": "a\n\n b: # c\u2028d\x85", "retry_policy": {"max_rounds": 5}}
    )
    assert parse_spec(spec_yaml(spec)) == spec
    assert "owner" not in spec_yaml(spec)


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"tests": None}, "tests", "tuple"),
        ({"tests": []}, "tests", "at least 1"),
        ({"colour": "red"}, "colour", "is not a field"),
        ({"priority": "urgent"}, "priority", "'urgent'"),
        ({"id": "../x"}, "id", "pattern"),
        ({"title": "a\nb"}, "title", "one line"),
        ({"acceptance": [{}]}, "acceptance.0", "at least one of"),
        ({"acceptance": [{"should_respond": 42}]}, "acceptance.0.should_respond", "42"),
        ({"resource_requirements": {"cpus": 0}}, "resource_requirements.cpus", "greater than 0"),
        ({"retry_policy": {"max_rounds": 0}}, "retry_policy.max_rounds", "greater than or equal to 1"),
        ({"tests": [{"run": ""}]}, "tests.0.run", "at least 1 character"),
    ],
)
def test_fault_is_told_with_its_place_and_value(changes: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        parse_spec(json.dumps({**SMALL, **changes}), "specs/blog.yaml")
    assert (path, True) in [(problem.path, words in problem.message) for problem in caught.value.problems]
    assert caught.value.message.startswith("specs/blog.yaml: ")


def test_missing_tests_are_told_what_to_add() -> None:
    with pytest.raises(SpecInvalid) as caught:
        parse_spec("id: a\ntitle: b\n", "specs/blog.yaml")
    assert caught.value.problems == (("tests", "has no 'tests'", "add at least one command"),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is a NoneType, not an object"),
        ("- a", "is a list"),
        ("id: [", "neither YAML nor JSON"),
        ("!!python/object/apply:os.system [true]", "neither YAML nor JSON"),
        ("[" * 5000, "neither YAML nor JSON"),
        ("\x00", "neither YAML nor JSON"),
        ("a: " + "x" * 300_000, "larger than 256 KiB"),
        ("id: 2024-01-01\ntitle: x\ntests: [a]", "string"),
    ],
)
def test_text_that_is_no_spec_is_refused(text: str, words: str) -> None:
    with pytest.raises(SpecInvalid, match=words):
        parse_spec(text)
