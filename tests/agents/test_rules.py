"""The rules of the team that need no server: going in circles, what starts next, findings, letters, plans, words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.types import Interrupt

from agents.errors import PlanRefused
from agents.failures import defect, failure_of
from agents.findings import ClaimedFinding, finding_of, quotes_change
from agents.kickoff import kickoff_text
from agents.letters import match_letters
from agents.plans import make_plan, with_documentation
from agents.pull_request_text import cell
from agents.schedule import overlap, pick
from agents.stuck import ALTERNATIONS, ERRORS, REPEATS, SILENCES, Act, stuck_reason
from agents.surroundings import TREE_LIMIT, tree_text
from agents.threads import Letter
from agents.turns import WantedTurn
from agents.wants import PersonWant, PullRequestWant, TasksWant, TurnWant, Want, in_words
from graph import Role, Task
from specs import PlanProposal, to_task_specs, validate_plan
from tests.specs.plans import plan, proposals
from tests.specs.plans import task as plan_task
from tools.errors import ModelRefused, ModelUnavailable


def act(action: str, outcome: str = "same", failed: bool = False) -> Act:
    return Act(action=action, outcome=outcome, failed=failed)


@given(st.lists(st.integers(), unique=True, max_size=30))
def test_acts_that_all_differ_are_never_stuck(numbers: list[int]) -> None:
    assert stuck_reason([act(f"a{number}", failed=True) for number in numbers], SILENCES - 1) is None


@given(st.lists(st.sampled_from("abc"), max_size=12))
def test_the_same_act_with_the_same_outcome_is_stuck_after_any_beginning(before: list[str]) -> None:
    acts = [act(name) for name in before]
    assert stuck_reason([*acts, *[act("x")] * REPEATS], 0) is not None
    assert stuck_reason([*acts, *[act("x", str(n)) for n in range(REPEATS)]], 0) is None


def test_waiting_for_something_that_changes_is_not_stuck() -> None:
    assert stuck_reason([act("tail log", str(number)) for number in range(20)], 0) is None


def test_failing_alike_and_alternating_and_silence_are_stuck() -> None:
    assert "failing" in (stuck_reason([act("x", str(n), failed=True) for n in range(ERRORS)], 0) or "")
    assert "taking turns" in (stuck_reason([act("ab"[n % 2]) for n in range(ALTERNATIONS)], 0) or "")
    assert stuck_reason([act("abc"[n % 3]) for n in range(2 * ALTERNATIONS)], 0) is None
    assert "without a tool call" in (stuck_reason([], SILENCES) or "")


@pytest.mark.parametrize(
    ("mine", "theirs", "meet"),
    [
        ("a.py", "a.py", True),
        ("src", "src/a.py", True),
        ("src/", "src/a.py", True),
        ("src/*.py", "src/a.py", True),
        ("src/a.py", "src/**", True),
        ("src/a.py", "src/b.py", False),
        ("src", "src2/a.py", False),
        ("src/a*.py", "src/*b.py", True),
        ("src/*.py", "src/x/*.py", True),
        ("src/*.py", "docs/*.py", False),
        ("**/*.py", "src/a.py", True),
        (".", "src/a.py", True),
        ("./a.py", "a.py", True),
        ("", "src/a.py", True),
        ("src", "src/*.py", True),
        ("src/x", "src/*.py", False),
        ("src/a*.py", "src/b*.py", False),
        ("src/**/a.py", "src/x", True),
    ],
)
def test_paths_and_globs_overlap(mine: str, theirs: str, meet: bool) -> None:
    assert overlap([mine], [theirs]) is meet
    assert overlap([theirs], [mine]) is meet


def roadmap_task(number: int, *touches: str) -> Task:
    key = f"T-1{number:02d}"
    return Task(
        id=f"a/b/{key}", key=key, feature_id="a/b/F-1", title=key, kind="code", assignee=Role.CODER, touches=touches
    )


def test_what_touches_the_same_files_does_not_start_together() -> None:
    one, two, three, four = (
        roadmap_task(1, "a.py"),
        roadmap_task(2, "a.py", "b.py"),
        roadmap_task(3, "b.py"),
        roadmap_task(4),
    )
    assert pick([one, two, three, four], []) == [one, three, four]
    assert pick([one, three], [two]) == []


DIFF = """diff --git a/src/a.py b/src/a.py
index 1..2 100644
--- a/src/a.py
+++ b/src/a.py
@@ -1,3 +1,3 @@
 kept = 1
-old = 2
+new = 2
--- comment
diff --git a/b.py b/b.py
--- a/b.py
+++ b/b.py
@@ -1 +1 @@
+other = 3
"""


def claim(path: str, quote: str, severity: str = "high") -> ClaimedFinding:
    values = {"path": path, "quote": quote, "severity": severity, "title": "t", "failure": "f", "suggestion": "s"}
    return ClaimedFinding.model_validate(values)


@pytest.mark.parametrize(
    ("path", "quote", "counts"),
    [
        ("src/a.py", "new = 2", True),
        ("src/a.py", "+new = 2", True),
        ("src/a.py", "  new = 2  ", True),
        ("src/a.py", "old = 2", True),
        ("src/a.py", "-- comment", True),
        ("src/a.py", "kept = 1", False),
        ("src/a.py", "new", False),
        ("src/a.py", "other = 3", False),
        ("b.py", "other = 3", True),
        ("a.py", "new = 2", False),
        ("b.py", "+++ b/b.py", False),
        ("b.py", "", False),
        ("b.py", "+", False),
    ],
)
def test_a_finding_counts_when_it_quotes_a_changed_line_of_its_file(path: str, quote: str, counts: bool) -> None:
    assert quotes_change(claim(path, quote), DIFF) is counts


def test_ids_of_findings_hang_on_path_quote_and_whether_they_block() -> None:
    same = finding_of(claim("a.py", "x = 1", "high"))
    assert same.id == finding_of(claim("a.py", " x = 1 ", "critical")).id
    assert same.id != finding_of(claim("b.py", "x = 1")).id
    assert same.id != finding_of(claim("a.py", "x = 1", "low")).id


def letter(number: int, kind: str, **payload: str) -> Letter:
    return Letter(id=number, thread="t", key=str(number), kind=kind, payload=dict(payload))


def interrupts(**wants: Want) -> tuple[Interrupt, ...]:
    return tuple(Interrupt(value=want.model_dump(mode="json"), id=name) for name, want in wants.items())


def test_letters_answer_only_what_waits_for_them() -> None:
    waits = interrupts(i1=TurnWant(turn=WantedTurn(role="coder")), i2=PersonWant(question="ok?", accepts=("approve",)))
    late = letter(1, "turn", interrupt="gone", result="late")
    mine = letter(2, "turn", interrupt="i1", result="done")
    yes, retry = letter(3, "approve", by="ann"), letter(4, "retry")
    answers, used = match_letters(waits, [late, mine, yes, retry])
    assert answers == {"i1": "done", "i2": {"kind": "approve", "key": yes.key, "by": "ann"}}
    assert used == {2, 3}


def test_news_of_tasks_and_pull_requests_are_answered_together() -> None:
    tasks = interrupts(i=TasksWant(start=("a",)))
    answers, used = match_letters(tasks, [letter(1, "task", task="a"), letter(2, "task", task="b"), letter(3, "stop")])
    assert (answers, used) == ({"i": {"letters": [{"task": "a"}, {"task": "b"}]}}, {1, 2})
    pull = interrupts(i=PullRequestWant(number=1, waits_for="approval"))
    assert match_letters(pull, [letter(1, "task", task="a")]) == ({}, set())
    assert match_letters(pull, [letter(1, "approve", head="h")])[1] == {1}


def test_words_to_the_plan_are_answered_one_by_one_in_their_order() -> None:
    tasks = interrupts(i=TasksWant(start=("a",)))
    edit, ended, again = letter(1, "edit", yaml="a: b"), letter(2, "task", task="a"), letter(3, "replan", text="x")
    assert match_letters(tasks, [edit, ended, again])[1] == {1}
    assert match_letters(tasks, [ended, again])[1] == {2}
    approval = interrupts(i=PersonWant(question="ok?", accepts=("approve", "edit")))
    assert match_letters(approval, [edit, letter(4, "approve")])[1] == {1}


def test_wants_are_said_in_words() -> None:
    assert in_words(TurnWant(turn=WantedTurn(role="coder", task="T-101", round=2))) == "coder on T-101, round 2"
    assert in_words(PullRequestWant(number=3, waits_for="approval")) == "pull request #3: approval"


@given(proposals())
def test_tasks_get_keys_in_an_order_in_which_they_can_be_done(proposal: PlanProposal) -> None:
    made = make_plan(12, proposal)
    seen: set[str] = set()
    for number, task in enumerate(made.tasks, start=1):
        assert task.key == f"T-12{number:02d}"
        assert set(task.depends_on) <= seen
        seen.add(task.key)
    specs = to_task_specs(made.proposal, 12, "a/b")
    assert [(spec.id, spec.depends_on) for spec in specs] == [(task.key, task.depends_on) for task in made.tasks]


def test_documentation_to_update_gets_a_closing_task_once() -> None:
    proposal = plan(plan_task("T1"), plan_task("T2", depends_on=["T1"]), docs_to_update=["README.md"])
    closed = with_documentation(proposal)
    assert [task.assignee for task in closed.tasks] == ["coder", "coder", "docgen"]
    assert closed.tasks[-1].depends_on == ["T1", "T2"]
    assert validate_plan(closed) == []
    assert with_documentation(closed) == closed
    assert with_documentation(plan(plan_task())).tasks == plan(plan_task()).tasks


@pytest.mark.parametrize("refs", [("T2",), ("T1", "T3"), ("A", "T2")])
def test_the_closing_task_s_reference_is_free(refs: tuple[str, ...]) -> None:
    tasks = [plan_task(ref) for ref in refs]
    closed = with_documentation(plan(*tasks, docs_to_update=["README.md"]))
    assert len({task.ref for task in closed.tasks}) == len(refs) + 1


def test_kick_off_text_ticks_what_is_in_and_lists_what_was_added() -> None:
    made = make_plan(1, plan(plan_task("T1"), plan_task("T2", depends_on=["T1"])))
    statuses = {"T-101": "verified", "T-102": "open", "T-103": "in_progress"}
    text = kickoff_text("F-1", made, statuses, "feature/F-1", "specs/001-x")
    assert "- [x] T-101 Parse the price list: verified" in text
    assert "- [ ] T-102 Parse the price list (after T-101): open" in text
    assert "- [ ] T-103: in_progress" in text
    assert "Branch `feature/F-1`" in text


def test_failures_say_what_to_do_and_whether_the_journal_stands() -> None:
    away = failure_of(ModelUnavailable("nothing answers", "start it"), "coder")
    assert (away.message, away.hint, away.where, away.resumable) == ("nothing answers", "start it", "coder", True)
    assert failure_of(ModelRefused("401", "set a key"), "coder").resumable
    assert not failure_of(PlanRefused("empty"), "planner").resumable
    assert len(failure_of(PlanRefused("x" * 9999, "y" * 9999), "planner").message) == 4000
    assert failure_of(ValueError(), "planner").message == "ValueError"
    assert "please report it" in defect(KeyError("x"), "coder").hint


def test_cells_cannot_break_a_table() -> None:
    assert cell("a | b\n c") == "a \\| b c"


def test_a_long_tree_is_told_by_folders() -> None:
    paths = [f"src/part{n % 3}/f{n}.py" for n in range(TREE_LIMIT)]
    assert tree_text(paths).count("\n") == TREE_LIMIT - 1
    told = tree_text([*paths, "README.md"])
    assert "src/part0/ (134 files)" in told
    assert told.endswith(f"{TREE_LIMIT + 1} files in all")
