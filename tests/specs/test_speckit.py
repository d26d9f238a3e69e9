"""A plan becomes files in spec-kit's layout that pass the validator, whatever its texts hold."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from specs import (
    PlanProposal,
    SpecsError,
    parse_spec,
    parse_tasks,
    scaffold,
    to_task_specs,
    validate_plan,
    validate_tree,
    write_feature_specs,
)
from specs.markdown import block, flat, outside_fences
from tests.specs.plans import HOSTILE, plan, proposals, task, text


def write(folder: Path, texts: dict[str, str]) -> None:
    for name, content in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


@settings(max_examples=60, deadline=None)
@given(proposal=proposals(), research=text, picks=st.sets(st.integers(0, 4)))
def test_any_valid_plan_becomes_valid_files(proposal: PlanProposal, research: str, picks: set[int]) -> None:
    assert validate_plan(proposal) == []
    tasks = to_task_specs(proposal, 12, "acme/shop")
    done = {tasks[pick].id for pick in picks if pick < len(tasks)}
    texts = write_feature_specs("F-12", "price lists", proposal, tasks, research, done)
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), texts)
        assert validate_tree(Path(name)) == []
    read = parse_tasks(texts["specs/012-price-lists/tasks.md"])
    assert sorted(line.key for line in read) == sorted(spec.id for spec in tasks)
    assert {line.key for line in read if line.done} == done
    assert {line.key for line in read if line.parallel} == {spec.id for spec in tasks if not spec.depends_on}
    for spec in tasks:
        assert parse_spec(texts[f"specs/012-price-lists/tasks/{spec.id}.yaml"]) == spec


@settings(max_examples=30, deadline=None)
@given(proposal=proposals())
def test_hostile_texts_add_no_headings(proposal: PlanProposal) -> None:
    tasks = to_task_specs(proposal, 1, "acme/shop")
    texts = write_feature_specs("F-1", "x", proposal, tasks, "")
    headings = sum(token.type == "heading_open" for token in MarkdownIt().parse(texts["specs/001-x/spec.md"]))
    assert headings == 9 + max(1, len(proposal.user_stories)) - 1
    assert not any(token.type in ("fence", "html_block") for token in MarkdownIt().parse(texts["specs/001-x/spec.md"]))


@settings(max_examples=30, deadline=None)
@given(proposal=proposals())
def test_tasks_come_after_what_they_depend_on(proposal: PlanProposal) -> None:
    seen: set[str] = set()
    for spec in to_task_specs(proposal, 7, "acme/shop"):
        assert set(spec.depends_on) <= seen
        seen.add(spec.id)
    assert sorted(seen) == [f"T-7{number:02d}" for number in range(1, len(proposal.tasks) + 1)]


def test_task_spec_says_what_the_plan_says() -> None:
    first = task("T1", depends_on=["T2"], tests=["make check"], tests_may_change=["tests/test_a.py"], tags=["US1"])
    second = task("T2", title="Lay the ground", assignee="tester", kind="test", priority="high")
    specs = to_task_specs(plan(first, second), 12, "acme/shop", "pytest -q")
    assert [(spec.id, spec.title, spec.owner, spec.depends_on) for spec in specs] == [
        ("T-1201", "Lay the ground", "tester", ()),
        ("T-1202", "Parse the price list", "coder", ("T-1201",)),
    ]
    assert specs[0].tests[0].run == "pytest -q"
    assert specs[1].tests[0].run == "make check"
    assert specs[1].tests_may_change == ("tests/test_a.py",)
    assert specs[0].inputs[0].name == "acme/shop#12"


def test_tests_command_of_the_plan_goes_before_the_callers() -> None:
    (spec,) = to_task_specs(plan(task(), test_command="./run-tests.sh"), 1, "acme/shop", "pytest")
    assert spec.tests[0].run == "./run-tests.sh"


@pytest.mark.parametrize(
    "tasks",
    [
        [task("T1", depends_on=["T2"]), task("T2", depends_on=["T1"])],
        [task("T1", depends_on=["T9"])],
        [task("T1"), task("T1")],
        [task(f"T{number}") for number in range(1, 101)],
    ],
)
def test_plan_without_an_order_is_refused(tasks: list[PlanProposal]) -> None:
    with pytest.raises(SpecsError, match="cannot be put in order"):
        to_task_specs(plan(*tasks), 1, "acme/shop")  # type: ignore[arg-type]  # the parameter list is of tasks


def test_odd_feature_key_is_refused() -> None:
    with pytest.raises(SpecsError, match="no key of a feature"):
        write_feature_specs("../F-1", "x", plan(task()), (), "")


def test_slug_cannot_lead_out() -> None:
    texts = write_feature_specs("F-1", "../../etc", plan(task()), to_task_specs(plan(task()), 1, "a/b"), "")
    assert all(name.startswith("specs/001-etc/") for name in texts)


def test_story_tags_choose_the_phase() -> None:
    story = {"priority": "P1", "why": "w", "independent_test": "t", "scenarios": []}
    stories = [{**story, "title": "One"}, {**story, "title": "Two"}]
    proposal = plan(task("T1", tags=["US2"]), task("T2", kind="docs", assignee="docgen"), user_stories=stories)
    tasks = to_task_specs(proposal, 1, "a/b")
    lines = parse_tasks(write_feature_specs("F-1", "x", proposal, tasks, "")["specs/001-x/tasks.md"])
    assert [(line.key, line.story, line.in_story) for line in lines] == [("T-101", 2, True), ("T-102", None, False)]


@pytest.mark.parametrize("title", ["Blog", "# [NEEDS CLARIFICATION", "x" * 500, "  ", "```", "日本"])
def test_scaffold_is_valid(tmp_path: Path, title: str) -> None:
    write(tmp_path, scaffold(3, title))
    assert validate_tree(tmp_path) == []


@pytest.mark.parametrize("hostile", HOSTILE)
def test_flat_text_is_one_paragraph(hostile: str) -> None:
    tokens = [token.type for token in MarkdownIt().parse(f"before\n\n{flat(hostile)}\n\nafter")]
    assert set(tokens) <= {"paragraph_open", "inline", "paragraph_close"}


def test_flat_keeps_code_and_words() -> None:
    assert flat("call `List<int>` when a < b,\n\tthen 2.5") == "call `List<int>` when a &lt; b, then 2.5"
    assert flat("2. then") == "2\\. then"


@given(text)
def test_block_leaves_no_fence_open(value: str) -> None:
    after = f"{block(value)}\n\n# end of it\n"
    assert outside_fences(after)[-1] == "# end of it"
