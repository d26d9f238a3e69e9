"""A specification to be filled in by hand, with a word in each place about what belongs there."""

from __future__ import annotations

from specs.markdown import slugify
from specs.plan import PlanProposal, PlanTask, Scenario, UserStory
from specs.speckit import to_task_specs, write_feature_specs


def scaffold(issue: int, title: str, repository: str = "") -> dict[str, str]:
    """Return the files of an empty specification of one task, by their paths; they pass the validator."""
    proposal = _proposal(title)
    tasks = to_task_specs(proposal, issue, repository)
    return write_feature_specs(f"F-{issue}", slugify(title), proposal, tasks, "What was looked up, and where.")


def _proposal(title: str) -> PlanProposal:
    story = UserStory(
        title="What somebody can do",
        priority="P1",
        why="what it is worth",
        independent_test="how this story alone can be tried out",
        scenarios=[Scenario(given="a state", when="something happens", then="this can be seen")],
    )
    return PlanProposal(
        cannot_do=None,
        title=title,
        rationale="Why it is worth doing.",
        summary="What will be different.",
        target_release=None,
        assumptions=["What is taken for granted"],
        user_stories=[story],
        edge_cases=["What could be special, and what happens then"],
        requirements=["What it must do"],
        success_criteria=["What can be measured when it works"],
        technical_context="Language, dependencies, limits.",
        test_command=None,
        new_dependencies=[],
        docs_to_update=[],
        tasks=[_task(title)],
    )


def _task(title: str) -> PlanTask:
    return PlanTask(
        ref="T1",
        title=title,
        kind="code",
        assignee="coder",
        priority="normal",
        description="What is to be done, and why.",
        done_when=["What must be true when it is done"],
        depends_on=[],
        touches=[],
        tests=[],
        tests_may_change=[],
        tags=[],
    )
