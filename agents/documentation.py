"""The documentation of a feature as the Tester judges it and Doc-Gen is shown it: needs, checks, verdict."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from pydantic import JsonValue

from agents.crew import TurnContext
from agents.handover import Handover
from agents.plans import Plan, PlannedTask
from agents.tasks import feature_plan
from agents.threads import Record
from devctl import LaunchRefused, PreparationFailed, Prepared
from tools.docs import Brief, DocReport, DocumentationChange, KeptRuns, PlannedDocument, documentation_brief
from tools.docs.documents import is_changelog, is_document
from tools.docs.sites import site_packages
from tools.mirror import Mirror
from tools.observation import cut_middle
from tools.preparing import prepare_commit
from tools.suite import detect_suite
from tools.worktree import WorkTree, open_worktree

logger = logging.getLogger(__name__)

CHANGES_SHOWN = 60
"""Public changes that are listed; the rest is counted."""
TEXT_LIMIT = 8_000
"""Characters of findings that travel on."""


class Judgement(Record):
    """What the checks of a documentation task say."""

    report: DocReport

    @property
    def problems(self) -> tuple[str, ...]:
        """What stands against the task, for the Tester's verdict."""
        return () if self.report.green else (self.report.verdict,)

    @property
    def text(self) -> str:
        """The findings as Doc-Gen reads them."""
        return f"{self.report.verdict}\n{cut_middle(self.report.text, TEXT_LIMIT)}"

    @property
    def as_json(self) -> dict[str, JsonValue]:
        """What the feature's pull request says later."""
        return {
            "verdict": self.report.verdict,
            "documents": list(self.report.documents),
            "notes": list(self.report.notes[:20]),
        }


def judge(context: TurnContext, mirror: Mirror, work: Handover, planned: PlannedTask) -> Judgement | None:
    """Check the documentation of a documentation task's work; None for every other task."""
    if planned.task.kind != "docs":
        return None
    return Judgement(report=check(context, mirror, work.commit, planned))


def check(context: TurnContext, mirror: Mirror, commit: str, planned: PlannedTask) -> DocReport:
    """Run every check on a commit, in environments of its own."""
    plan = feature_plan(context)
    look = partial(
        DocumentationChange,
        mirror,
        feature_base(context, commit),
        commit,
        planned=planned_documents(plan),
        closing=is_closing(plan, planned.key),
    )
    folder = f"features/{context.feature}/documentation"
    kept = KeptRuns(context.crew.artifacts, folder, lambda at: _prepared(context, mirror, at).digest)
    try:
        return look(open_tree=lambda at: _open(context, mirror, at), kept=kept).check()
    except (PreparationFailed, LaunchRefused) as fault:
        # the suite, which needs the same environment, stands against the work by itself
        note = f"Nothing was run: the environment cannot be prepared: {fault.message}"
        report = look().check()
        return report.model_copy(update={"notes": (*report.notes, note)})


def _open(context: TurnContext, mirror: Mirror, commit: str) -> WorkTree:
    """Open an environment of a commit with what its documents are made with, where that can be installed."""
    crew, role, repository = context.crew, context.turn.role, context.thread.repository
    prepared = _prepared(context, mirror, commit)
    labels = {"feature": context.feature, "task": context.task_key, "role": role}
    return open_worktree(
        crew.launcher, mirror, commit, prepared=prepared, labels=labels, role=role, repository=repository
    )


def _prepared(context: TurnContext, mirror: Mirror, commit: str) -> Prepared:
    """Install what a commit's code needs, and what its documents are made with; what was installed before is kept."""
    role, repository = context.turn.role, context.thread.repository
    suite = detect_suite(mirror, commit, feature_plan(context).proposal.test_command)
    packages = suite.packages if suite else ()
    wanted = site_packages(mirror, commit)
    prepare = partial(prepare_commit, context.crew.launcher, mirror, commit, role=role, repository=repository)
    try:
        return prepare(packages=(*packages, *wanted))
    except (PreparationFailed, LaunchRefused) as fault:
        if not wanted:
            raise
        logger.warning("what %s makes its documents with cannot be installed: %s", repository, fault.message)
        return prepare(packages=packages)


def brief(context: TurnContext, mirror: Mirror, commit: str) -> Brief:
    """Return what the feature asks of the documentation as it stands at a commit."""
    base = feature_base(context, commit)
    return documentation_brief(mirror, base, commit, planned_documents(feature_plan(context)))


def change_lines(made: Brief) -> str:
    """Return what a change made public, one line each, cut where it is long."""
    rest = len(made.changes) - CHANGES_SHOWN
    lines = [change.line for change in made.changes[:CHANGES_SHOWN]]
    return "\n".join([*lines, *([f"[… {rest} more]"] if rest > 0 else [])])


def feature_base(context: TurnContext, commit: str) -> str:
    """Return the commit that the feature began on."""
    baseline = context.crew.threads.last_result(context.feature, "tester") or {}
    base = str(baseline.get("base") or commit)
    context.mirror_with(base)
    return base


def planned_documents(plan: Plan) -> tuple[PlannedDocument, ...]:
    """Return the documents that the plan names, each with what is to be in it."""
    tasks = [planned.task for planned in plan.tasks if planned.task.kind == "docs"]
    paths = list(plan.proposal.docs_to_update) or [path for task in tasks for path in task.touches]
    points = [point for task in tasks for point in task.done_when]
    return tuple(PlannedDocument(path=path, why=_why(path, points)) for path in _documents(paths))


def is_closing(plan: Plan, key: str) -> bool:
    """Whether a task is the feature's last one for documentation: the one that all needs are asked of."""
    keys = [planned.key for planned in plan.tasks if planned.task.kind == "docs"]
    return key not in keys or key == keys[-1]


def _documents(paths: Sequence[str]) -> list[str]:
    """Keep what can be a document: files, folders and globs of documents, changelogs, descriptions of an API."""
    kept = dict.fromkeys(path.strip().removeprefix("./").rstrip("/") for path in paths)
    return [path for path in kept if path and (is_document(path) or is_changelog(path) or "." not in path[-9:])]


def _why(path: str, points: Sequence[str]) -> str:
    named = [point for point in points if path in point]
    return "the plan has it brought in line" + (f": {'; '.join(named)}" if named else "")
