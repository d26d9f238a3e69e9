"""Running a repository's suite on a commit, in an environment of its own."""

from __future__ import annotations

import json

from agents.crew import TurnContext
from agents.tasks import feature_plan
from tools.errors import ArtifactMissing
from tools.mirror import Mirror
from tools.preparing import prepare_commit
from tools.suite import SuiteCommand, SuiteReport, detect_suite, run_suite
from tools.worktree import WorkTree, open_worktree


def suite_command(context: TurnContext, mirror: Mirror, commit: str) -> SuiteCommand | None:
    """Return how the suite is run: as the repository says, else as its plan says, else as detected."""
    try:
        planned = feature_plan(context).proposal.test_command
    except LookupError:
        planned = None
    return detect_suite(mirror, commit, planned)


def suite_at(context: TurnContext, mirror: Mirror, commit: str) -> SuiteReport:
    """Return the suite's report on a commit, run once per tree and command.

    Two commits with one tree are one thing to a suite: a merge that changes nothing needs no second run.
    """
    command = suite_command(context, mirror, commit)
    if command is None:
        return SuiteReport.without_suite()
    key = f"suites/{context.thread.repository}/{mirror.tree_of(commit)}/{command.digest}.json"
    try:
        return SuiteReport.model_validate(json.loads(context.crew.artifacts.read(key)))
    except ArtifactMissing:
        report = run_at(context, mirror, commit, command)
        context.crew.artifacts.put(key, report.model_dump_json().encode())
        return report


def run_at(context: TurnContext, mirror: Mirror, commit: str, command: SuiteCommand) -> SuiteReport:
    """Run the suite on a commit in a fresh environment."""
    with environment_at(context, mirror, commit, command.packages) as worktree:
        return run_suite(worktree, command, context.crew.settings.suite_seconds)


def environment_at(context: TurnContext, mirror: Mirror, commit: str, packages: tuple[str, ...]) -> WorkTree:
    """Return a fresh environment with a commit and its dependencies in it; the caller closes it."""
    crew = context.crew
    role, repository = context.turn.role, context.thread.repository
    prepared = prepare_commit(crew.launcher, mirror, commit, packages=packages, role=role, repository=repository)
    labels = {"feature": context.feature, "task": context.task_key, "role": role}
    return open_worktree(
        crew.launcher, mirror, commit, prepared=prepared, labels=labels, role=role, repository=repository
    )
