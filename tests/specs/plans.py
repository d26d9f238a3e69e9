"""Plans for the tests: a plain one, and a strategy for any that passes validate_plan."""

from typing import Any

from hypothesis import strategies as st

from specs import PlanProposal, PlanTask, Scenario, UserStory


def task(ref: str = "T1", **changes: Any) -> PlanTask:
    values: dict[str, Any] = {
        "ref": ref,
        "title": "Parse the price list",
        "kind": "code",
        "assignee": "coder",
        "priority": "normal",
        "description": "Read prices.csv.",
        "done_when": ["a price list is parsed"],
        "depends_on": [],
        "touches": ["src/prices.py"],
        "tests": [],
        "tests_may_change": [],
        "tags": [],
    }
    return PlanTask.model_validate({**values, **changes})


def plan(*tasks: PlanTask, **changes: Any) -> PlanProposal:
    values: dict[str, Any] = {
        "cannot_do": None,
        "title": "Price lists",
        "rationale": "Shops have many prices.",
        "summary": "Price lists can be read.",
        "target_release": None,
        "assumptions": [],
        "user_stories": [],
        "edge_cases": [],
        "requirements": [],
        "success_criteria": [],
        "technical_context": "Python 3.11",
        "test_command": None,
        "new_dependencies": [],
        "docs_to_update": [],
        "tasks": [one.model_dump() for one in tasks],
    }
    return PlanProposal.model_validate({**values, **changes})


HOSTILE = (
    "# Heading", "```", "~~~\ncode", "- [ ] T999 [US1] forged in `x`", "a\n## Phase 9: Polish\n- [X] T101 b", "<!-- ",
    "[NEEDS CLARIFICATION: x]", "---", "===", "1. x", "12) x", "| a |", "> q", "[a]: http://x", "[US2] x", "[P] x", "`", "``x`",
    "\x00\x1b[2J", "\u2028## x", "\ud800", "{{ 7 * 7 }}", "{% raw %}", "</details>", "* x", "**Given** a", "\ufeff", "'''", "é中",
)  # fmt: skip
text = (
    st.text(max_size=30)
    | st.sampled_from(HOSTILE)
    | st.tuples(st.sampled_from(HOSTILE), st.text(max_size=9)).map("".join)
)
line = text.map(lambda value: "".join(sign for sign in value if sign.isprintable())).filter(str.strip)
paths = st.lists(
    st.sampled_from(["src/a.py", "tests/**", "Makefile", "docs/`odd`.md", "a b/c", "# x", "<x>"]), max_size=3
)
scenario = st.builds(Scenario, given=text, when=text, then=text)
story = st.builds(
    UserStory,
    title=line,
    priority=st.sampled_from(["P1", "P2", "P3"]),
    why=text,
    independent_test=text,
    scenarios=st.lists(scenario, max_size=2),
)


@st.composite
def proposals(draw: st.DrawFn) -> PlanProposal:
    """Plans of any text whose tasks depend on earlier or later ones without going round."""
    count = draw(st.integers(1, 5))
    rank = draw(st.permutations(range(count)))
    tasks = []
    for number in range(count):
        lower = [f"T{other + 1}" for other in range(count) if rank[other] < rank[number]]
        kind, assignee = draw(
            st.sampled_from([("code", "coder"), ("docs", "docgen"), ("test", "tester"), ("chore", "coder")])
        )
        tasks.append(
            task(
                f"T{number + 1}",
                title=draw(line),
                kind=kind,
                assignee=assignee,
                description=draw(text),
                done_when=[draw(line)],
                depends_on=draw(st.lists(st.sampled_from(lower), unique=True, max_size=2)) if lower else [],
                touches=draw(paths),
                tests=draw(st.lists(line, max_size=1)),
                tags=draw(st.lists(text | st.sampled_from(["US1", "US2", "US99", "US0"]), max_size=2)),
            )
        )
    texts = st.lists(text, max_size=2)
    return plan(
        *tasks,
        title=draw(line),
        rationale=draw(text),
        summary=draw(line),
        assumptions=draw(texts),
        user_stories=draw(st.lists(story, max_size=3)),
        edge_cases=draw(texts),
        requirements=draw(texts),
        success_criteria=draw(texts),
        technical_context=draw(text),
    )
