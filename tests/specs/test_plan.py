"""The plan's form as a strict structured reply, and what its rules refuse."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from specs import PlanProposal, find_cycle, validate_plan
from tests.specs.plans import plan, task


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for value in schema.values():
            yield from objects(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from objects(value)


def test_schema_is_strict_enough_for_structured_replies() -> None:
    schema = PlanProposal.model_json_schema()
    for name in ("ServiceCheck", "SmokeRequest", "LoadTest"):  # shared with the task spec, where defaults are welcome
        del schema["$defs"][name]
    del schema["$defs"]["PlanTask"]["properties"]["service"]
    found = list(objects(schema))
    assert len(found) == 5
    for one in found:
        assert one["additionalProperties"] is False
        assert sorted(one["required"]) == sorted(one["properties"])
        for value in one["properties"].values():
            assert "default" not in value
            assert len(value.get("anyOf", [0, {"type": "null"}])) == 2
            assert value.get("anyOf", [0, {"type": "null"}])[1] == {"type": "null"}


def test_plain_plan_passes() -> None:
    assert validate_plan(plan(task(), task("T2", depends_on=["T1"]))) == []


def test_plan_that_says_why_it_cannot_be_done_needs_no_tasks() -> None:
    assert validate_plan(plan(cannot_do="the issue is empty", title="", summary="")) == []
    assert validate_plan(plan(cannot_do=" "))[0].message == "the plan has no tasks"


def test_unknown_role_is_refused_by_form() -> None:
    with pytest.raises(ValidationError, match="assignee"):
        task(assignee="manager")


NEW = {"name": "tomlkit", "requirement": "tomlkit>=0.13", "kind": "runtime", "reason": "r"}


@pytest.mark.parametrize(
    ("proposal", "path", "words"),
    [
        (plan(), "tasks", "no tasks"),
        (plan(*(task(f"T{n}") for n in range(1, 22))), "tasks", "21 tasks are too many"),
        (plan(task(), title="a\nb"), "title", "is no title"),
        (plan(task(), title="x" * 121), "title", "is no title"),
        (plan(task(), summary=" "), "summary", "is empty"),
        (plan(task(title="")), "tasks[0].title", "is no title"),
        (plan(task(), task()), "tasks[1].ref", "not a reference of its own"),
        (plan(task("X")), "tasks[0].ref", "not a reference of its own"),
        (plan(task(depends_on=["T7"])), "tasks[0].depends_on", "'T7' is no other task"),
        (plan(task(kind="docs")), "tasks[0].kind", "coder does no docs tasks"),
        (plan(task(done_when=[" "])), "tasks[0].done_when", "is empty"),
        (plan(task(description="x" * 20_001)), "tasks[0].description", "20001 characters"),
        (plan(task(touches=["/etc/passwd"])), "tasks[0].touches", "leads out"),
        (plan(task(touches=["a/../../b"])), "tasks[0].touches", "leads out"),
        (plan(task(touches=["a\nb"])), "tasks[0].touches", "leads out"),
        (plan(task(touches=["./.GitHub/workflows/ci.yml"])), "tasks[0].touches", "is protected"),
        (plan(task(touches=["deploy/.env"])), "tasks[0].touches", "is protected"),
        (plan(task(tests_may_change=["../x"])), "tasks[0].tests_may_change", "leads out"),
        (plan(task(tests=["a\nb"])), "tasks[0].tests", "is no command"),
        (plan(task(), test_command=""), "test_command", "is no command"),
        (plan(task(), docs_to_update=["~/x"]), "docs_to_update", "leads out"),
        (plan(task(), new_dependencies=[NEW]), "new_dependencies[0]", "no task mentions 'tomlkit'"),
        (
            plan(task(), new_dependencies=[{**NEW, "name": "vite", "requirement": "npm:vite@https://x"}]),
            "new_dependencies[0].requirement",
            "no requirement",
        ),
        (
            plan(task(), new_dependencies=[{**NEW, "name": "vite", "requirement": "npm:vitest@^2"}]),
            "new_dependencies[0].name",
            "is not the name",
        ),
        (
            plan(task(), new_dependencies=[{**NEW, "requirement": "-r x"}]),
            "new_dependencies[0].requirement",
            "no requirement",
        ),
        (
            plan(task(), new_dependencies=[{**NEW, "requirement": "tomlkit @ https://x/y.whl"}]),
            "new_dependencies[0].requirement",
            "names a place",
        ),
        (plan(task(), new_dependencies=[{**NEW, "name": "toml"}]), "new_dependencies[0].name", "is not the name"),
    ],
)
def test_fault_is_named_with_its_place(proposal: PlanProposal, path: str, words: str) -> None:
    problems = validate_plan(proposal)
    assert (path, True) in [(problem.path, words in problem.message) for problem in problems]
    assert all(problem.hint for problem in problems)


def test_paths_like_protected_ones_pass() -> None:
    assert validate_plan(plan(task(touches=[".gitignore", ".github/ISSUE_TEMPLATE.md", "src/environment.py"]))) == []


def test_dependency_that_a_task_adds_passes() -> None:
    adding = task(description="Add `Ruamel_YAML` to pyproject.toml.")
    assert (
        validate_plan(
            plan(adding, new_dependencies=[{**NEW, "name": "ruamel.yaml", "requirement": "ruamel-yaml>=0.18"}])
        )
        == []
    )


def test_cycle_is_named() -> None:
    going_round = plan(task("T1", depends_on=["T3"]), task("T2", depends_on=["T1"]), task("T3", depends_on=["T2"]))
    messages = [problem.message for problem in validate_plan(going_round)]
    assert messages == ["the dependencies go round: T1 -> T3 -> T2 -> T1"]


nodes = st.integers(0, 6).map(str)


@given(st.dictionaries(nodes, st.lists(nodes, max_size=4), max_size=7))
def test_cycle_is_found_exactly_where_no_order_exists(depends_on: dict[str, list[str]]) -> None:
    found = find_cycle(depends_on)
    left = {node: set(others) & set(depends_on) for node, others in depends_on.items()}
    while free := [node for node, others in left.items() if not others]:
        left = {node: others - set(free) for node, others in left.items() if node not in free}
    assert bool(found) == bool(left)
    assert all(after in depends_on[before] for before, after in zip(found, found[1:], strict=False))
    assert found[:1] == found[-1:]
