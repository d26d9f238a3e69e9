"""Plans as people edit them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs import PlanEdit, PlanProposal, SpecInvalid, edited, plan_yaml, read_edit, validate_plan
from tests.e2e.plans import code_task, planned

NAMES = {"T-101": "T1", "T-102": "T2"}


def proposal() -> PlanProposal:
    second = code_task("T2", "b.py", depends_on=["T1"], title="Second")
    return PlanProposal.model_validate(planned(code_task("T1", "a.py", title="First"), second))


def test_unchanged_yaml_leaves_the_plan_as_it_is() -> None:
    assert edited(proposal(), read_edit(plan_yaml(proposal(), NAMES)), NAMES) == proposal()


def test_people_see_keys_in_place_of_refs() -> None:
    text = plan_yaml(proposal(), NAMES)
    assert "id: T-101" in text
    assert "depends_on:\n  - T-101" in text
    assert "T1" not in text


def test_fields_that_are_left_out_stay() -> None:
    edit = read_edit("tasks:\n- id: T-101\n  title: Another\n- id: T-102\n")
    first, second = edited(proposal(), edit, NAMES).tasks
    assert (first.title, first.touches, second.title) == ("Another", ["a.py"], "Second")


def test_task_that_is_not_listed_is_dropped() -> None:
    (only,) = edited(proposal(), read_edit("tasks: [{id: T-101}]"), NAMES).tasks
    assert only.ref == "T1"


def test_new_task_gets_a_ref_of_its_own_and_what_is_usual() -> None:
    edit = read_edit(
        "tasks:\n- id: T-101\n- id: T-102\n- id: mine\n  title: Third\n- title: Fourth\n  depends_on: [mine]\n"
    )
    third, fourth = edited(proposal(), edit, NAMES).tasks[2:]
    assert (third.ref, third.kind, third.done_when) == ("T3", "code", ["Third"])
    assert fourth.depends_on == ["T3"]
    assert validate_plan(edited(proposal(), edit, NAMES)) == []


def test_task_that_another_needs_cannot_be_dropped_alone() -> None:
    with pytest.raises(SpecInvalid) as refused:
        edited(proposal(), PlanEdit(drop=["T-101"]), NAMES)
    (problem,) = refused.value.problems
    assert (problem.path, problem.message) == ("tasks: T-102", "depends on T-101, which is dropped")


def test_documentation_waits_no_longer_for_what_is_dropped() -> None:
    docs = code_task("T2", "README.md", kind="docs", assignee="docgen", depends_on=["T1"])
    plan = PlanProposal.model_validate(planned(code_task("T1", "a.py"), docs))
    (left,) = edited(plan, PlanEdit(drop=["T-101"]), NAMES).tasks
    assert left.depends_on == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a list", "no mapping"),
        ("tasks: [", "no YAML"),
        ("tusks: []", "cannot be used"),
        ("tasks: [{id: T-101, kind: magic}]", "cannot be used"),
        ("a: &x [1]\ntasks: [*x]", "anchors"),
        ("x" * 300_000, "longer"),
    ],
)
def test_edit_that_cannot_be_read_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(SpecInvalid) as refused:
        read_edit(text)
    assert said in refused.value.message


def test_problem_names_its_place() -> None:
    with pytest.raises(SpecInvalid) as refused:
        read_edit("tasks: [{id: T-101, kind: magic}]")
    assert refused.value.problems[0].path == "tasks[0].kind"


def test_unknown_task_and_untitled_new_one_are_refused() -> None:
    with pytest.raises(SpecInvalid, match="no task 'T-999'"):
        edited(proposal(), PlanEdit(drop=["T-999"]), NAMES)
    with pytest.raises(SpecInvalid, match="has no title"):
        edited(proposal(), read_edit("tasks: [{id: other, kind: code}]"), NAMES)


@given(st.text(max_size=300))
def test_any_text_is_an_edit_or_refused(text: str) -> None:
    try:
        edit = read_edit(text)
    except SpecInvalid:
        return
    assert isinstance(edit, PlanEdit)
